import { describe, expect, it } from '@jest/globals';
import type { SeenDeployment } from '../../../../src/strategies/holding.ts';
import { before, completing, decide, fresh, old, resting, untouched } from './scene.ts';

const begin = (deployment: SeenDeployment | undefined, more: Partial<Parameters<typeof decide>[0]> = {}) =>
  decide({ state: { phase: 'comparing' }, deployment, ...more });
const [serving] = untouched.sets;
const applied = { action: { type: 'apply', revision: 2 }, next: { phase: 'progressing' } };

describe('the begin of a canary release', () => {
  it('starts the pods of the first step beside the old ones', () => {
    expect(begin(untouched)).toEqual({
      type: 'act',
      action: {
        type: 'hold',
        revision: 2,
        step: 'starting 1 of 4 pods (25 %)',
        before,
        share: { surge: 1, stable: 'a' },
      },
      next: { phase: 'starting', step: 0, hold: { stable: 'a', before } },
      message: 'applying revision 2: 1 of 4 pods (25 %) start beside the old ones',
    });
  });

  it('starts as many of them as the first step says', () => {
    expect(begin(untouched, { settings: { steps: [{ replicas: 2 }] } })).toMatchObject({
      action: { step: 'starting 2 of 4 pods (50 %)', share: { surge: 2 } },
    });
  });

  it.each<[string, SeenDeployment | undefined, Parameters<typeof begin>[1]]>([
    ['there is no Deployment', undefined, {}],
    ['no pod changes', untouched, { changesPods: false }],
    ['it is the first release', untouched, { release: { stable: undefined as never } }],
    ['no pod is wanted', { ...untouched, desired: 0 }, {}],
  ])('applies the objects, and no more, where %s', (_name, deployment, more) => {
    expect(begin(deployment, more)).toMatchObject(applied);
  });

  it('applies the objects, and no more, where the manifest wants no pod', () => {
    expect(begin(untouched, { replicas: 0 })).toMatchObject(applied);
  });

  it.each<[string, SeenDeployment, RegExp]>([
    ['one pod, which has no share', { ...untouched, desired: 1 }, /has one pod/],
    ['a pause of others', { ...untouched, fields: { paused: true } }, /is paused/],
    ['a rollout of others', { ...untouched, sets: [serving!, fresh] }, /in the middle of a rollout/],
  ])('halts at %s', (_name, deployment, reason) => {
    expect(begin(deployment, { phaseMs: 60_000 })).toMatchObject({
      type: 'halt',
      reason: expect.stringMatching(reason),
    });
  });

  it('waits a minute for the rollout of others', () => {
    expect(begin({ ...untouched, sets: [serving!, fresh] }, { phaseMs: 59_000 }).type).toBe('wait');
  });

  it('takes pods that are wanted and not there yet for a rollout, too', () => {
    const told = { ...untouched, sets: [serving!, { ...fresh, present: 0, ready: 0 }] };

    expect(begin(told)).toMatchObject({ type: 'wait', message: expect.stringMatching(/web-b has pods/) });
  });

  it('waits a minute for a controller that has not seen the Deployment, then applies the objects', () => {
    const { live: _, ...without } = { ...untouched, sets: [] };

    for (const unseen of [{ ...untouched, isObserved: false }, without]) {
      expect(begin(unseen, { phaseMs: 59_999 })).toEqual({
        type: 'wait',
        forMs: 500,
        message: 'web not observed by its controller yet',
      });
      expect(begin(unseen, { phaseMs: 60_000 })).toMatchObject(applied);
    }
  });
});

describe('a canary release that finds what an earlier one has left', () => {
  it('first completes it with the pods that served', () => {
    expect(begin(resting)).toEqual({
      type: 'act',
      action: {
        type: 'rollout',
        deployment: resting.reference,
        resourceVersion: '7',
        fields: completing,
        before,
        replicaSet: 'web-a',
        step: 'completing',
      },
      next: { phase: 'comparing' },
      message: 'completing the rollout of web with the pods of web-a',
    });
  });

  it('completes it also where somebody has given it a template that has no ReplicaSet', () => {
    const { live: _, ...changed } = resting;

    expect(begin(changed)).toMatchObject({
      action: { type: 'rollout', replicaSet: 'web-a', step: 'completing', fields: { paused: false } },
    });
  });

  it('gives the Deployment the fields that it had when those pods are there alone', () => {
    const alone = { ...resting, fields: completing, live: old, sets: [old] };

    expect(begin(alone)).toEqual({
      type: 'act',
      action: {
        type: 'rollout',
        deployment: resting.reference,
        resourceVersion: '7',
        fields: before,
        before,
      },
      next: { phase: 'comparing' },
      message: 'web has its own rollout fields again',
    });
  });

  it('does not wait for ever for pods that shall come back', () => {
    const returning = { ...resting, fields: completing, live: { ...old, ready: 0 } };

    expect(begin(returning, { phaseMs: 59_000 }).type).toBe('wait');
    expect(begin(returning, { phaseMs: 60_000 }).type).toBe('rollBack');
    expect(begin(returning, { phaseMs: 60_000, release: { rollback: 'never' } }).type).toBe('halt');
  });
});
