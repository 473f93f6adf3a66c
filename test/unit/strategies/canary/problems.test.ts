import { describe, expect, it } from '@jest/globals';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import type { CanaryState } from '../../../../src/strategies/canary/state.ts';
import type { SeenDeployment } from '../../../../src/strategies/holding.ts';
import type { ObservedWorkload, Problem } from '../../../../src/strategies/strategy.ts';
import { at, decide, fresh, hold, old, reference, resting, starting } from './scene.ts';

const { candidate: _, ...unknown } = hold;

describe('a canary release whose Deployment somebody else changes', () => {
  it.each<[string, SeenDeployment, CanaryState, string]>([
    [
      'its template',
      { ...resting, live: old },
      at('waiting', 1),
      'changed the pod template of Deployment web',
    ],
    ['its pause', { ...resting, fields: heldFields }, at('waiting', 1), 'resumed Deployment web'],
    [
      'its pause, between two steps',
      { ...resting, fields: heldFields },
      at('stepping', 1),
      'resumed Deployment web',
    ],
    [
      'its mark',
      { ...resting, mark: undefined as never },
      at('shifting'),
      'took the annotation of the release off Deployment web',
    ],
    [
      'its number of pods, to none',
      { ...resting, desired: 0 },
      at('waiting', 1),
      'scaled Deployment web to 0',
    ],
  ])('goes back: %s', (_name, deployment, state, what) => {
    expect(decide({ state, deployment })).toMatchObject({
      type: 'rollBack',
      reason: expect.stringContaining(`somebody ${what}`),
    });
  });

  it('goes back when somebody deletes it', () => {
    expect(decide({ state: at('waiting', 1) })).toEqual({
      type: 'rollBack',
      reason: 'Deployment web was deleted',
    });
  });

  it('judges the change only when the controller has seen it', () => {
    const deployment = { ...resting, isObserved: false, live: old };

    expect(decide({ state: at('waiting', 1), deployment }).type).toBe('wait');
  });
});

describe('a canary release whose new pods do not come', () => {
  it('goes back when they are not ready in time; where it may not, it halts', () => {
    const deployment = { ...resting, fields: heldFields, live: { ...fresh, ready: 0 } };
    const late = { state: at('starting'), deployment, phaseMs: 60_000 };

    expect(decide(late).type).toBe('rollBack');
    expect(decide({ ...late, release: { rollback: 'never' } }).type).toBe('halt');
  });

  it('goes back as soon as they fail, with the problem as its cause', () => {
    const problem: Problem = {
      ...{ kind: 'crashLoop', message: 'it crashes', key: 'k', restarts: 5, backsOff: true, lastedMs: 0 },
    };
    const failing: ObservedWorkload = {
      ...{ reference, complete: false, withoutReadinessProbe: false, paused: false, revision: 'web-b' },
      ...{ desired: 4, updated: 1, ready: 0, problems: [problem], tracks: [], stuckPods: [] },
    };

    for (const phase of ['starting', 'shifting', 'stepping', 'waiting', 'completing'] as const)
      expect(decide({ state: at(phase, 1), deployment: starting, workloads: [failing] })).toEqual({
        type: 'rollBack',
        reason: 'it crashes',
        problem,
      });
  });

  it.each<[CanaryState['phase'], number]>([
    ['starting', 0],
    ['shifting', 0],
    ['stepping', 1],
    ['completing', 4],
  ])(
    'writes nothing in %s before the controller has seen what was written last, and waits in bounds',
    (phase, step) => {
      const unseen = { state: at(phase, step), deployment: { ...resting, isObserved: false } };
      const message = 'the controller has not seen the Deployment yet';

      expect(decide(unseen)).toEqual({ type: 'wait', forMs: 500, message });
      expect(decide({ ...unseen, phaseMs: 60_000 })).toEqual({
        type: 'rollBack',
        reason: `${message}: not done within 60 s`,
      });
    },
  );

  it('waits for the ReplicaSet of the new template', () => {
    const { live: _live, ...without } = { ...starting, sets: [old] };

    expect(decide({ state: { phase: 'starting', step: 0, hold: unknown }, deployment: without })).toEqual({
      type: 'wait',
      forMs: 500,
      message: 'the controller has not seen the Deployment yet',
    });
  });
});
