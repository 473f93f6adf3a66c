import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../../src/base/defined.ts';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import type { CanarySettings } from '../../../../src/strategies/canary/settings.ts';
import type { CanaryState } from '../../../../src/strategies/canary/state.ts';
import type { DeploymentHolding, SeenDeployment } from '../../../../src/strategies/holding.ts';
import type { Decision, ReleaseFacts } from '../../../../src/strategies/strategy.ts';

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' };
const before = { maxSurge: 1, maxUnavailable: 0 };
const old = { name: 'web-a', hash: 'a', wanted: 3, present: 3, ready: 3 };
const fresh = { name: 'web-b', hash: 'b', wanted: 1, present: 1, ready: 1 };
const mark = { revision: 2, step: '', since: '2026-01-01T00:00:00Z', end: '', before, stable: 'a' };
const hold = { stable: 'a', candidate: 'b', before };
const settings: CanarySettings = {
  steps: [{ weight: 25 }, { pause: '2m' }, { weight: 50 }, { pause: true }],
};

/** Four pods, one of them new, at rest. */
const resting: SeenDeployment = {
  ...{ reference, resourceVersion: '7', isObserved: true, desired: 4, mark },
  ...{ fields: { ...heldFields, maxSurge: 0, maxUnavailable: '25%', paused: true } },
  ...{ live: fresh, sets: [old, fresh] },
};
const facts: ReleaseFacts = {
  ...{ revision: 2, stable: 1, rollback: 'auto', timeoutMs: 60_000, generations: {} },
};

interface Situation {
  state: CanaryState;
  deployment?: SeenDeployment | undefined;
  phaseMs?: number;
  release?: Partial<ReleaseFacts>;
  changesPods?: boolean;
  /** Of the manifest. */
  replicas?: number;
  settings?: CanarySettings;
}

function decide({
  phaseMs = 0,
  release,
  changesPods = true,
  replicas = 4,
  ...given
}: Situation): Decision<CanaryState> {
  const holding: DeploymentHolding = {
    manifest: { deployment: reference, replicas, fields: before },
    changesPods,
    ...(given.deployment === undefined ? {} : { deployment: given.deployment }),
  };
  return canary.decide({
    ...{
      release: { ...facts, ...release },
      state: given.state,
      settings: given.settings ?? settings,
      phaseMs,
    },
    observed: { type: 'seen', workloads: [], holding },
  });
}

const at = (phase: CanaryState['phase'], step = 0): CanaryState => ({ phase, step, hold });

describe('the begin of a canary release', () => {
  const serving = { name: 'web-a', hash: 'a', wanted: 4, present: 4, ready: 4 };
  const { mark: _, ...unmarked } = { ...resting, fields: before, live: serving, sets: [serving] };
  const begin = (deployment: SeenDeployment | undefined, more: Partial<Situation> = {}) =>
    decide({ state: { phase: 'comparing' }, deployment, ...more });

  it('starts the pods of the first step beside the old ones', () => {
    expect(begin(unmarked)).toMatchObject({
      action: { type: 'hold', revision: 2, before, share: { surge: 1, stable: 'a' } },
      next: { phase: 'starting', step: 0, hold: { stable: 'a', before } },
    });
  });

  it.each<[string, SeenDeployment | undefined, Partial<Situation>]>([
    ['there is no Deployment', undefined, {}],
    ['no pod changes', unmarked, { changesPods: false }],
    ['it is the first release', unmarked, { release: { stable: undefined as never } }],
    ['no pod is wanted', { ...unmarked, desired: 0 }, {}],
  ])('applies the objects, and no more, where %s', (_name, deployment, more) => {
    expect(begin(deployment, more)).toMatchObject({ action: { type: 'apply', revision: 2 } });
  });

  it('applies the objects, and no more, where the manifest wants no pod', () => {
    expect(begin(unmarked, { replicas: 0 })).toMatchObject({ action: { type: 'apply', revision: 2 } });
  });

  it.each<[string, SeenDeployment, RegExp]>([
    ['one pod, which has no share', { ...unmarked, desired: 1 }, /has one pod/],
    ['a pause of others', { ...unmarked, fields: { paused: true } }, /is paused/],
    ['a rollout of others', { ...unmarked, sets: [serving, fresh] }, /in the middle of a rollout/],
  ])('halts at %s', (_name, deployment, reason) => {
    expect(begin(deployment, { phaseMs: 60_000 })).toMatchObject({
      type: 'halt',
      reason: expect.stringMatching(reason),
    });
  });

  it('waits a minute for the rollout of others', () => {
    expect(begin({ ...unmarked, sets: [serving, fresh] }, { phaseMs: 59_000 }).type).toBe('wait');
  });

  it('first completes what an earlier release has left, with the pods that served', () => {
    expect(begin(resting)).toMatchObject({
      action: { type: 'rollout', replicaSet: 'web-a', step: 'completing' },
    });
  });

  it('completes it also where somebody has given it a template that has no ReplicaSet', () => {
    const { live: _, ...changed } = resting;

    expect(begin(changed)).toMatchObject({
      action: { type: 'rollout', replicaSet: 'web-a', step: 'completing', fields: { paused: false } },
    });
  });

  it('does not wait for ever for pods that shall come back', () => {
    const fields = { ...before, maxSurge: '100%', paused: false };
    const returning = { ...resting, fields, live: { ...old, ready: 0 } };

    expect(begin(returning, { phaseMs: 59_000 }).type).toBe('wait');
    expect(begin(returning, { phaseMs: 60_000 }).type).toBe('rollBack');
    expect(begin(returning, { phaseMs: 60_000, release: { rollback: 'never' } }).type).toBe('halt');
  });
});

describe('a canary decision', () => {
  it('lets old pods go only when as many new ones are ready', () => {
    const starting = { ...resting, fields: heldFields, sets: [{ ...old, present: 4 }, fresh] };
    const unready = { ...fresh, ready: 0 };

    expect(decide({ state: at('starting'), deployment: { ...starting, live: unready } }).type).toBe('wait');
    expect(decide({ state: at('starting'), deployment: starting })).toMatchObject({
      action: {
        type: 'rollout',
        resourceVersion: '7',
        fields: { maxSurge: 0, maxUnavailable: '25%', paused: false },
      },
      next: { phase: 'shifting', hold: { candidate: 'b' } },
    });
  });

  it('rests when the old pods have gone, and not before', () => {
    const going = { ...resting, sets: [{ ...old, present: 4 }, fresh] };

    const told = { ...resting, sets: [{ ...old, wanted: 4 }, fresh] };

    expect(decide({ state: at('shifting'), deployment: going }).type).toBe('wait');
    expect(decide({ state: at('shifting'), deployment: told }).type).toBe('wait');
    expect(decide({ state: at('shifting'), deployment: resting })).toMatchObject({
      action: {
        type: 'rollout',
        fields: { paused: true, maxUnavailable: '25%' },
        step: '1 of 4 pods (25 %)',
      },
      next: { phase: 'stepping', step: 1 },
    });
  });

  it('takes the next step: a pause, more pods from those that are there, or the rest of them', () => {
    expect(decide({ state: at('stepping', 1), deployment: resting })).toMatchObject({
      next: { phase: 'waiting', step: 1 },
    });
    expect(decide({ state: at('stepping', 2), deployment: resting })).toMatchObject({
      action: { fields: { maxSurge: 1, maxUnavailable: '25%', paused: false } },
      next: { phase: 'starting', step: 2 },
    });
    expect(decide({ state: at('stepping', 4), deployment: resting })).toMatchObject({
      action: { replicaSet: 'web-b', step: 'completing', fields: { ...before, paused: false } },
      next: { phase: 'completing' },
    });
  });

  it.each<[string, Partial<SeenDeployment>, number, number]>([
    ['2 of 4 and 2 new', { desired: 5, fields: { ...heldFields, maxSurge: 1 } }, 4, 2],
    ['too few of them', { desired: 6, fields: { ...heldFields, maxSurge: 1 } }, 5, 2],
  ])(
    'goes on with the new pods that a scaling has left room for: %s',
    (_name, scaled, oldCount, newCount) => {
      const live = { ...fresh, wanted: newCount, present: newCount, ready: newCount };
      const others = { ...old, wanted: oldCount, present: oldCount };
      const deployment = { ...resting, ...scaled, live, sets: [others, live] };

      expect(decide({ state: at('starting', 2), deployment })).toMatchObject({
        action: { fields: { maxSurge: 0 } },
        next: { phase: 'shifting' },
      });
      expect(
        decide({ state: at('starting', 2), deployment: { ...deployment, live: { ...live, ready: 1 } } }).type,
      ).toBe('wait');
    },
  );

  it('rests with the pods that a scaling has left, though the share of the step is not reached', () => {
    const others = { ...old, wanted: 2, present: 2 };
    const deployment = { ...resting, desired: 3, sets: [others, fresh] };

    expect(decide({ state: at('shifting', 2), deployment })).toMatchObject({
      action: { fields: { paused: true }, step: '1 of 3 pods (33 %)' },
      next: { phase: 'stepping', step: 3 },
    });
  });

  it('skips a share that a scaling has brought already', () => {
    const scaled = { ...resting, desired: 2 };

    expect(decide({ state: at('stepping', 2), deployment: scaled })).toMatchObject({
      action: { fields: { paused: true } },
      next: { phase: 'stepping', step: 3 },
    });
  });

  it('pauses for the time of its step, or until a person promotes this step', () => {
    const promoted = (revision: number, step?: number) => ({
      ...resting,
      answer: { revision, answer: 'promote' as const, ...defined({ step }) },
    });

    expect(decide({ state: at('waiting', 1), deployment: resting, phaseMs: 119_000 })).toMatchObject({
      type: 'wait',
      forMs: 1000,
    });
    expect(decide({ state: at('waiting', 1), deployment: resting, phaseMs: 120_000 })).toMatchObject({
      next: { phase: 'stepping', step: 2 },
    });
    for (const other of [promoted(1, 4), promoted(2, 2), promoted(2)])
      expect(decide({ state: at('waiting', 3), deployment: other, phaseMs: 1e9 }).type).toBe('wait');
    expect(decide({ state: at('waiting', 3), deployment: promoted(2, 4) })).toMatchObject({
      next: { phase: 'stepping', step: 4 },
    });
  });

  it('waits at no pause of a rollback, which a person has decided', () => {
    for (const step of [1, 3])
      expect(
        decide({ state: at('waiting', step), deployment: resting, release: { rollbackOf: 1 } }),
      ).toMatchObject({ next: { phase: 'stepping', step: step + 1 } });
  });

  it.each<[string, SeenDeployment, CanaryState, string]>([
    [
      'its template',
      { ...resting, live: old },
      at('waiting', 1),
      'changed the pod template of Deployment web',
    ],
    ['its pause', { ...resting, fields: heldFields }, at('waiting', 1), 'resumed Deployment web'],
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
  ])('goes back when somebody changes %s', (_name, deployment, state, what) => {
    expect(decide({ state, deployment })).toMatchObject({
      type: 'rollBack',
      reason: expect.stringContaining(`somebody ${what}`),
    });
  });

  it('goes back when a person aborts it, at any step', () => {
    const deployment = { ...resting, answer: { revision: 2, answer: 'abort' as const } };

    for (const phase of ['starting', 'shifting', 'stepping', 'waiting', 'completing'] as const)
      expect(decide({ state: at(phase, 1), deployment })).toEqual({
        type: 'rollBack',
        reason: 'aborted by a person',
      });
  });

  it('goes back when new pods are not ready in time; where it may not, it halts', () => {
    const deployment = { ...resting, fields: heldFields, live: { ...fresh, ready: 0 } };
    const late = { state: at('starting'), deployment, phaseMs: 60_000 };

    expect(decide(late).type).toBe('rollBack');
    expect(decide({ ...late, release: { rollback: 'never' } }).type).toBe('halt');
  });

  it('completes with no more pods at once than the team allows', () => {
    const completing = (fields: object, own: typeof before) =>
      canary.decide({
        ...{ release: facts, settings, state: at('completing', 4), phaseMs: 0 },
        observed: {
          type: 'seen',
          workloads: [],
          holding: {
            manifest: { deployment: reference, replicas: 4, fields: own },
            deployment: { ...resting, fields },
          },
        },
      });

    expect(completing(heldFields, { ...before, maxSurge: 2 })).toMatchObject({
      action: { fields: { maxSurge: 2 } },
    });
    expect(completing(heldFields, { maxSurge: 0, maxUnavailable: 1 })).toMatchObject({
      action: { fields: { maxSurge: 1, maxUnavailable: 0 } },
    });
  });

  it('brings the old pods back with their own template, then applies the revision that was released', () => {
    const { mark: _, ...whole } = { ...resting, fields: before, live: old, sets: [old] };

    expect(decide({ state: at('undoing', 1), deployment: resting })).toMatchObject({
      action: { replicaSet: 'web-a', fields: { maxSurge: '100%', maxUnavailable: 0, paused: false } },
    });
    expect(decide({ state: at('undoing', 1), deployment: whole })).toMatchObject({
      action: { type: 'apply', revision: 1 },
      next: { phase: 'restoring' },
    });
  });

  it('goes back to the old pods that it has seen itself, whatever the annotation says', () => {
    const deployment = { ...resting, mark: { ...mark, stable: 'b' } };

    expect(decide({ state: at('undoing', 1), deployment })).toMatchObject({
      action: { replicaSet: 'web-a' },
    });
  });

  it('gives the Deployment its own fields back only when the other pods have ended, and its controller has seen it', () => {
    const fields = { ...before, maxSurge: '100%', paused: false };
    const alone = { ...resting, fields, live: old, sets: [old, { ...fresh, wanted: 0, present: 0 }] };
    const ending = { ...alone, sets: [old, { ...fresh, wanted: 0 }] };

    expect(decide({ state: at('undoing', 1), deployment: ending }).type).toBe('wait');
    expect(decide({ state: at('undoing', 1), deployment: { ...alone, isObserved: false } }).type).toBe(
      'wait',
    );
    expect(decide({ state: at('undoing', 1), deployment: alone })).toMatchObject({
      action: { type: 'rollout', fields: before },
    });
  });

  it('halts when the old pods do not come back in time', () => {
    const fields = { ...before, maxSurge: '100%', paused: false };
    const returning = { ...resting, fields, live: { ...old, ready: 0 } };

    expect(decide({ state: at('undoing', 1), deployment: returning, phaseMs: 59_999 }).type).toBe('wait');
    expect(decide({ state: at('undoing', 1), deployment: returning, phaseMs: 60_000 })).toMatchObject({
      type: 'halt',
      reason: expect.stringMatching(/rolling back: .*not done within 60 s/),
    });
  });

  it('does not take an answer to another revision for an abort', () => {
    const deployment = { ...resting, answer: { revision: 1, answer: 'abort' as const } };

    expect(decide({ state: at('waiting', 1), deployment }).type).toBe('wait');
  });

  it('judges a change by others only when the controller has seen it', () => {
    const deployment = { ...resting, isObserved: false, live: old };

    expect(decide({ state: at('waiting', 1), deployment }).type).toBe('wait');
  });

  it('decides nothing while the cluster does not answer', () => {
    const observed = { type: 'unknown', reason: 'gone' } as const;

    for (const phase of ['comparing', 'starting', 'waiting', 'completing', 'undoing'] as const)
      expect(canary.decide({ release: facts, settings, state: at(phase), observed, phaseMs: 1e9 }).type).toBe(
        'wait',
      );
  });
});

describe('the settings of a canary release', () => {
  it.each<[string, unknown]>([
    ['a pause first', [{ pause: '1m' }, { weight: 50 }]],
    ['a weight that falls', [{ weight: 50 }, { pause: '1m' }, { weight: 20 }]],
    ['a number that stays', [{ replicas: 2 }, { replicas: 2 }]],
    ['no step', []],
    ['no weight', [{ weight: 0 }]],
    ['more than all', [{ weight: 101 }]],
    ['two things at once', [{ weight: 50, pause: '1m' }]],
    ['a pause that is no duration', [{ weight: 50 }, { pause: 'a while' }]],
  ])('refuse %s', (_name, steps) => {
    expect(canary.settings.safeParse({ steps }).success).toBe(false);
  });

  it('may be left out', () => {
    expect(canary.settings.safeParse({}).success).toBe(true);
    expect(canary.steps({ stable: 1, rollback: 'auto' }, {})).toEqual(
      expect.arrayContaining([expect.stringContaining('replicas 1'), 'pause 1m']),
    );
  });
});
