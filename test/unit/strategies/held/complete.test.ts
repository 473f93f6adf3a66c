import { describe, expect, it } from '@jest/globals';
import type { SeenDeployment } from '../../../../src/strategies/holding.ts';
import {
  othersOf,
  removeOthers,
  restoreFields,
  stableHash,
} from '../../../../src/strategies/held/complete.ts';
import { completing, deploymentReference, held, mark, newPods, oldPods, own } from '../blue-green/scene.ts';

const state = { phase: 'completing' } as const;
const { live: _live, ...without } = held;
const { mark: _mark, ...unmarked } = held;
const remove = (deployment: SeenDeployment, toward = 'a', more: { surge?: number; isBegun?: boolean } = {}) =>
  removeOthers(deployment, { toward, own, before: own, state, ...more });

describe('the pods beside those of a ReplicaSet', () => {
  it('are those that are there, and those that are to be', () => {
    const told = { ...newPods, name: 'web-c', hash: 'c', present: 0, ready: 0 };
    const going = { ...newPods, name: 'web-d', hash: 'd', wanted: 0 };
    const gone = { ...newPods, name: 'web-e', hash: 'e', wanted: 0, present: 0, ready: 0 };

    expect(othersOf({ ...held, sets: [oldPods, told, going, gone] }, oldPods)).toEqual([told, going]);
  });

  it('are all that there are where there is none', () => {
    expect(othersOf(held, undefined)).toEqual([oldPods, newPods]);
  });
});

describe('the pods that a held Deployment is completed with', () => {
  it('are those that its mark names, else those of its template', () => {
    expect(stableHash({ ...held, mark: { ...mark, stable: 'a' } })).toBe('a');
    expect(stableHash(held)).toBe('b');
    expect(stableHash(unmarked)).toBe('b');
  });

  it('are not known without a template that has pods, or without a Deployment', () => {
    expect(stableHash(without)).toBeUndefined();
    expect(stableHash(undefined)).toBeUndefined();
  });
});

describe('the completion of a held rollout', () => {
  const rollout = {
    ...{ type: 'rollout', deployment: deploymentReference, resourceVersion: '7' },
    ...{ fields: completing, before: own, replicaSet: 'web-a', step: 'completing' },
  };

  it('gives the Deployment the template of the pods that stay, without ever taking one away before another', () => {
    expect(remove(held)).toEqual({
      type: 'act',
      action: rollout,
      next: state,
      message: 'completing the rollout of web with the pods of web-a',
    });
  });

  it('resumes the rollout where it has their template already', () => {
    expect(remove({ ...held, live: oldPods })).toMatchObject({ action: rollout });
    expect(remove(held, 'b')).toMatchObject({ action: { ...rollout, replicaSet: 'web-b' } });
  });

  it('gives it their template where it has the fields already', () => {
    expect(remove({ ...held, fields: completing })).toMatchObject({ action: rollout });
  });

  it('is written again while that is not saved: the answer to the write was lost', () => {
    const begun = { ...held, fields: completing };

    expect(remove(begun, 'b', { isBegun: false })).toMatchObject({
      action: { ...rollout, replicaSet: 'web-b' },
      next: state,
    });
    expect(remove(begun, 'b', { isBegun: true })).toMatchObject({ type: 'wait' });
  });

  it('lets as many pods come at once as it is told', () => {
    expect(remove(held, 'a', { surge: 1 })).toMatchObject({
      action: { fields: { ...completing, maxSurge: 1 } },
    });
  });

  it('is done with the pods of its template where the others are not there any more', () => {
    expect(remove(held, 'gone')).toMatchObject({ action: { replicaSet: 'web-b' } });
  });

  it('is none where no pods are known', () => {
    expect(remove({ ...without, sets: [] })).toBeUndefined();
  });

  it('is needed without a mark only while the template is that of others', () => {
    expect(remove(unmarked)).toMatchObject({ action: rollout });
    expect(remove({ ...without, mark: undefined as never })).toMatchObject({ action: rollout });
    expect(remove(unmarked, 'b')).toBeUndefined();
  });

  it('waits until the controller has seen it and the other pods have ended', () => {
    const going = { ...held, fields: completing, live: oldPods };

    expect(remove({ ...going, isObserved: false, sets: [oldPods] })).toEqual({
      type: 'wait',
      forMs: 300,
      message: 'the controller is about to see it',
    });
    expect(remove(going)).toEqual({
      type: 'wait',
      forMs: 300,
      message: 'web-a has 2 ready pods, web-b still has 2',
    });
    expect(remove({ ...going, sets: [oldPods] })).toBeUndefined();
  });

  it('ends with the own fields, and without the mark', () => {
    expect(restoreFields(held, { toward: 'a', own, before: own, state })).toEqual({
      type: 'act',
      action: {
        ...{ type: 'rollout', deployment: deploymentReference, resourceVersion: '7' },
        ...{ fields: own, before: own },
      },
      next: state,
      message: 'web has its own rollout fields again',
    });
  });
});
