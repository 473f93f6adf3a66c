import { describe, expect, it } from '@jest/globals';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import type { SeenDeployment } from '../../../../src/strategies/holding.ts';
import {
  at,
  before,
  decide,
  facts,
  fresh,
  hold,
  mark,
  old,
  reference,
  resting,
  settings,
  starting,
} from './scene.ts';

const write = { type: 'rollout', deployment: reference, resourceVersion: '7', before } as const;

describe('a canary decision', () => {
  it('lets old pods go only when as many new ones are ready', () => {
    const deployment = { ...resting, fields: heldFields, sets: [{ ...old, present: 4 }, fresh] };
    const { candidate: _, ...unknown } = hold;
    const state = { phase: 'starting', step: 0, hold: unknown } as const;

    expect(decide({ state, deployment: { ...deployment, live: { ...fresh, ready: 0 } } })).toEqual({
      type: 'wait',
      forMs: 500,
      message: '0 of 1 new pods are ready',
    });
    expect(decide({ state, deployment })).toEqual({
      type: 'act',
      action: {
        ...write,
        fields: { ...heldFields, maxSurge: 0, maxUnavailable: '25%' },
        step: 'moving to 1 of 4 pods (25 %)',
      },
      next: { phase: 'shifting', step: 0, hold },
      message: 'moving to 1 of 4 pods (25 %)',
    });
  });

  it('rests when the old pods have gone, and not before', () => {
    const going = { ...resting, sets: [{ ...old, present: 4 }, fresh] };
    const told = { ...resting, sets: [{ ...old, wanted: 4 }, fresh] };

    for (const deployment of [going, told])
      expect(decide({ state: at('shifting'), deployment })).toEqual({
        type: 'wait',
        forMs: 500,
        message: '4 old pods are there, 3 stay',
      });
    expect(decide({ state: at('shifting'), deployment: resting })).toMatchObject({
      action: { ...write, fields: { paused: true, maxUnavailable: '25%' }, step: 'new: 1 of 4 pods (25 %)' },
      next: { phase: 'stepping', step: 1 },
    });
  });

  it('goes on with a step that was begun by a write whose answer was lost', () => {
    const deployment = {
      ...starting,
      mark: { ...mark, step: 'starting 2 of 4 pods (50 %)', rolls: true } as const,
    };

    expect(decide({ state: at('stepping', 2), deployment })).toMatchObject({
      action: {
        ...write,
        fields: { ...heldFields, maxSurge: 1 },
        step: 'starting 2 of 4 pods (50 %)',
      },
      next: { phase: 'starting', step: 2 },
    });
    expect(decide({ state: at('stepping', 2), deployment: starting })).toEqual({
      type: 'rollBack',
      reason: 'somebody resumed Deployment web during the release',
    });
  });

  it('takes the next step: a pause, more pods from those that are there, or the rest of them', () => {
    expect(decide({ state: at('stepping', 1), deployment: resting })).toMatchObject({
      action: { step: 'new: 1 of 4 pods (25 %); paused for 2m' },
      next: { phase: 'waiting', step: 1 },
    });
    expect(decide({ state: at('stepping', 3), deployment: resting })).toMatchObject({
      action: { step: 'new: 1 of 4 pods (25 %); waiting for promote or abort' },
      next: { phase: 'waiting', step: 3 },
    });
    expect(decide({ state: at('stepping', 2), deployment: resting })).toMatchObject({
      action: {
        fields: { maxSurge: 1, maxUnavailable: '25%', paused: false },
        step: 'starting 2 of 4 pods (50 %)',
      },
      next: { phase: 'starting', step: 2 },
    });
    expect(decide({ state: at('stepping', 4), deployment: resting })).toMatchObject({
      action: { replicaSet: 'web-b', step: 'completing', fields: { ...before, paused: false } },
      next: { phase: 'completing' },
    });
  });

  it('decides as rolling does in the phases of rolling, which it ends as', () => {
    expect(decide({ state: { phase: 'selected' } })).toMatchObject({
      action: { type: 'cleanUp', revision: 2 },
      next: { phase: 'cleaned' },
    });
    expect(decide({ state: { phase: 'restored' } })).toEqual({ type: 'done', outcome: 'rolledBack' });
  });

  it('decides nothing while the cluster does not answer', () => {
    const observed = { type: 'unknown', reason: 'gone' } as const;

    for (const phase of ['comparing', 'starting', 'waiting', 'completing', 'undoing'] as const)
      expect(canary.decide({ release: facts, settings, state: at(phase), observed, phaseMs: 1e9 })).toEqual({
        type: 'wait',
        forMs: 2000,
        message: 'the cluster does not answer: gone',
      });
  });

  it('decides nothing before the Deployment was looked for', () => {
    const observed = { type: 'seen', workloads: [] } as const;

    for (const state of [{ phase: 'comparing' } as const, at('waiting', 1), at('undoing')])
      expect(canary.decide({ release: facts, settings, state, observed, phaseMs: 1e9 })).toEqual({
        type: 'wait',
        forMs: 2000,
        message: 'the cluster does not answer: nothing seen of the Deployment',
      });
  });
});

describe('a canary decision after a scaling', () => {
  it.each<[string, Partial<SeenDeployment>, number, number]>([
    ['2 of 4 and 2 new', { desired: 5 }, 4, 2],
    ['too few of them', { desired: 6 }, 5, 2],
  ])('goes on with the new pods that it has left room for: %s', (_name, scaled, oldCount, newCount) => {
    const live = { ...fresh, wanted: newCount, present: newCount, ready: newCount };
    const others = { ...old, wanted: oldCount, present: oldCount };
    const deployment = { ...starting, ...scaled, live, sets: [others, live] };

    expect(decide({ state: at('starting', 2), deployment })).toMatchObject({
      action: { fields: { maxSurge: 0 } },
      next: { phase: 'shifting' },
    });
    expect(
      decide({ state: at('starting', 2), deployment: { ...deployment, live: { ...live, ready: 1 } } }).type,
    ).toBe('wait');
  });

  it('waits for the new pods that there is room for, though the controller has not started them yet', () => {
    expect(decide({ state: at('starting', 2), deployment: starting })).toMatchObject({
      type: 'wait',
      message: '1 of 2 new pods are ready',
    });
  });

  it('waits for the new pods that were started already, though it has taken their room', () => {
    const live = { ...fresh, wanted: 2, present: 2 };
    const deployment = { ...starting, desired: 3, live, sets: [old, live] };

    expect(decide({ state: at('starting', 2), deployment })).toMatchObject({
      type: 'wait',
      message: '1 of 2 new pods are ready',
    });
  });

  it('rests with the pods that it has left, though the share of the step is not reached', () => {
    const others = { ...old, wanted: 2, present: 2 };
    const deployment = { ...resting, desired: 3, sets: [others, fresh] };

    expect(decide({ state: at('shifting', 2), deployment })).toMatchObject({
      action: { fields: { paused: true }, step: 'new: 1 of 3 pods (33 %)' },
      next: { phase: 'stepping', step: 3 },
    });
  });

  it('skips a share that it has brought already', () => {
    const scaled = { ...resting, desired: 2 };

    expect(decide({ state: at('stepping', 2), deployment: scaled })).toMatchObject({
      action: { fields: { paused: true } },
      next: { phase: 'stepping', step: 3 },
    });
  });
});
