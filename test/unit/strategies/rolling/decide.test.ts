import { describe, expect, it } from '@jest/globals';
import { decideRolling } from '../../../../src/strategies/rolling/decide.ts';
import { failureOf, graceMs } from '../../../../src/strategies/rolling/failure.ts';
import { rolling } from '../../../../src/strategies/rolling/rolling.ts';
import type { RollingSettings } from '../../../../src/strategies/rolling/settings.ts';
import { rollingState, type RollingState } from '../../../../src/strategies/rolling/state.ts';
import type {
  DecisionInput,
  Observed,
  ObservedWorkload,
  Problem,
  ReleaseFacts,
} from '../../../../src/strategies/strategy.ts';

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };

const nothing: Observed = { type: 'seen', workloads: [] };

/** What a test changes of a release in phase progressing. */
interface Change extends Partial<ReleaseFacts> {
  phase?: string;
  settings?: RollingSettings;
}

function input(
  { phase = 'progressing', settings = {}, ...change }: Change,
  observed: Observed,
  phaseMs: number,
): DecisionInput<RollingSettings, RollingState> {
  const release: ReleaseFacts = {
    ...{ revision: 3, timeoutMs: 60_000, rollback: 'auto', generations: {}, stable: 2 },
    ...change,
  };
  return { release, settings, state: rollingState.parse({ phase }), observed, phaseMs };
}

function workload(change: Partial<ObservedWorkload> = {}): ObservedWorkload {
  return {
    reference,
    complete: false,
    withoutReadinessProbe: false,
    paused: false,
    desired: 3,
    updated: 1,
    ready: 0,
    revision: 'web-abc',
    problems: [],
    tracks: [],
    stuckPods: [],
    ...change,
  };
}

function problem(change: Partial<Problem> = {}): Problem {
  return {
    kind: 'crashLoop',
    message: 'it crashes',
    key: 'k',
    restarts: 1,
    backsOff: true,
    lastedMs: 3000,
    ...change,
  };
}

const decide = (change: Change, workloads: readonly ObservedWorkload[], phaseMs = 4000) =>
  decideRolling(input(change, { type: 'seen', workloads }, phaseMs));

describe('decideRolling', () => {
  it('begins by applying the new revision', () => {
    expect(decide({ phase: 'applying' }, [])).toMatchObject({
      type: 'act',
      action: { type: 'apply', revision: 3 },
      next: { phase: 'progressing' },
    });
  });

  it('waits until the deadline while the pods are replaced, and says how far it is', () => {
    expect(decide({}, [workload()])).toEqual({
      type: 'wait',
      forMs: 56_000,
      message: 'web 1/3 new, 0 ready',
    });
  });

  it('lets Services select the new pods when every workload is complete', () => {
    expect(decide({}, [workload({ complete: true })])).toMatchObject({
      type: 'act',
      action: { type: 'select', revision: 3 },
      next: { phase: 'selected' },
    });
  });

  it('cleans up when Services select the new pods', () => {
    expect(decide({ phase: 'selected' }, [workload({ complete: true })])).toMatchObject({
      type: 'act',
      action: { type: 'cleanUp', revision: 3 },
      next: { phase: 'cleaned' },
    });
  });

  it('watches new pods without a readinessProbe for a while before it believes them', () => {
    const complete = workload({ complete: true, completeForMs: 4999, withoutReadinessProbe: true });
    const changed = { generations: { 'apps/Deployment/shop/web': 2 } };

    expect(decide(changed, [complete])).toMatchObject({ type: 'wait', forMs: 1 });
    expect(decide(changed, [{ ...complete, completeForMs: 5000 }])).toMatchObject({
      next: { phase: 'selected' },
    });
    expect(decide(changed, [{ ...complete, withoutReadinessProbe: false }])).toMatchObject({ type: 'act' });
  });

  it('does not wait for pods that the release has not changed', () => {
    const complete = workload({ complete: true, completeForMs: 0, withoutReadinessProbe: true });

    expect(decide({ generations: {} }, [complete])).toMatchObject({
      type: 'act',
      next: { phase: 'selected' },
    });
  });

  it('is done after cleaning up', () => {
    expect(decide({ phase: 'cleaned' }, [])).toEqual({ type: 'done', outcome: 'released' });
  });

  it('is complete at once when there are no workloads', () => {
    expect(decide({}, [])).toMatchObject({ type: 'act', next: { phase: 'selected' } });
  });

  it('rolls back as soon as a problem has lasted as long as it may', () => {
    const imagePull = problem({ kind: 'imagePull', lastedMs: 14_999 });
    const lasting = { ...imagePull, lastedMs: 15_000 };

    expect(decide({}, [workload({ problems: [imagePull] })])).toMatchObject({ type: 'wait', forMs: 1 });
    expect(decide({}, [workload({ problems: [lasting] })])).toMatchObject({
      type: 'rollBack',
      reason: 'it crashes',
    });
  });

  it('does not mind the problems of a workload that is complete', () => {
    expect(decide({}, [workload({ complete: true, problems: [problem()] })])).toMatchObject({ type: 'act' });
  });

  it('lets a problem that only explains wait for the deadline, and then tells it', () => {
    const unschedulable = problem({ kind: 'unschedulable', message: 'no node fits' });

    expect(decide({}, [workload({ problems: [unschedulable] })], 59_999)).toMatchObject({ type: 'wait' });
    expect(decide({}, [workload({ problems: [unschedulable] })], 60_000)).toMatchObject({
      type: 'rollBack',
      reason: 'web 1/3 new, 0 ready (no node fits): not done within 60 s; no node fits',
    });
  });

  it.each([
    ['there is nothing to roll back to', { stable: undefined }, /first release/],
    ['rollback is never', { rollback: 'never' as const }, /rollback: never/],
  ])('halts on failure when %s', (_when, change, reason) => {
    expect(decide(change as Change, [workload({ problems: [problem()] })])).toMatchObject({
      type: 'halt',
      reason: expect.stringMatching(reason),
    });
  });

  it('waits for a paused Deployment to be resumed, and halts at the deadline since it can go nowhere', () => {
    const paused = workload({ paused: true });

    expect(decide({}, [paused])).toMatchObject({
      type: 'wait',
      message: expect.stringContaining('kubectl rollout resume deployment/web'),
    });
    expect(decide({}, [paused], 60_000)).toMatchObject({ type: 'halt' });
  });

  it('applies the stable revision on the way back, and is done when that is complete', () => {
    expect(decide({ phase: 'rollingBack', reason: 'why' }, [])).toMatchObject({
      action: { type: 'apply', revision: 2 },
      next: { phase: 'restoring' },
    });
    expect(decide({ phase: 'restoring', reason: 'why' }, [workload({ complete: true })])).toMatchObject({
      action: { type: 'cleanUp', revision: 2 },
      next: { phase: 'restored' },
    });
    expect(decide({ phase: 'restored', reason: 'why' }, [])).toEqual({ type: 'done', outcome: 'rolledBack' });
  });

  it('deletes the pods that a StatefulSet would wait for on its way back', () => {
    const stuck = {
      reference: { apiVersion: 'v1', kind: 'Pod', name: 'web-2', namespace: 'shop' },
      uid: 'u',
    };

    expect(decide({ phase: 'restoring' }, [workload({ stuckPods: [stuck] })])).toMatchObject({
      action: { type: 'deletePods', pods: [stuck] },
      next: { phase: 'restoring' },
    });
  });

  it.each([
    ['the stable version fails too', [workload({ problems: [problem({ message: 'no node' })] })], 4000],
    ['the way back takes too long', [workload()], 60_000],
  ])('halts when %s', (_when, workloads, phaseMs) => {
    expect(decide({ phase: 'restoring', reason: 'v3 crashes' }, workloads, phaseMs)).toMatchObject({
      type: 'halt',
      reason: expect.stringMatching(/^v3 crashes; rolling back to revision 2 failed too: /),
    });
  });

  it.each(['progressing', 'restoring'])(
    'waits in phase %s while nothing is known, past the deadline too',
    (phase) => {
      const observed = { type: 'unknown', reason: 'connection reset' } as const;

      expect(decideRolling(input({ phase }, observed, 99_000))).toMatchObject({
        type: 'wait',
        message: 'the cluster does not answer: connection reset',
      });
    },
  );

  it('refuses a phase that it does not know', () => {
    expect(() => decide({ phase: 'dancing' }, [])).toThrow(/Invalid option/);
  });

  it.each([
    ['applying', undefined],
    ['progressing', 3],
    ['selected', 3],
    ['rollingBack', undefined],
    ['restoring', 2],
  ] as const)('in phase %s observes the workloads of revision %s', (phase, workloadsOf) => {
    const { release } = input({}, nothing, 0);

    expect(rolling.observes({ phase }, release).workloadsOf).toBe(workloadsOf);
  });

  it.each([
    ['applying', { phase: 'rollingBack' }],
    ['progressing', { phase: 'rollingBack' }],
    ['selected', { phase: 'rollingBack' }],
    ['cleaned', undefined],
    ['rollingBack', undefined],
    ['restoring', undefined],
    ['restored', undefined],
  ] as const)('in phase %s rolls back by %j', (phase, next) => {
    expect(rolling.rollBack({ phase }, 'why')).toEqual(next);
  });

  it('deletes pods that block the rollback though they show a failure, which would halt it', () => {
    const stuck = {
      reference: { apiVersion: 'v1', kind: 'Pod', name: 'web-2', namespace: 'shop' },
      uid: 'u',
    };
    const failing = workload({ stuckPods: [stuck], problems: [problem({ message: 'it crashes' })] });

    expect(decide({ phase: 'restoring', reason: 'why' }, [failing])).toMatchObject({
      action: { type: 'deletePods' },
    });
  });
});

describe('a rollback', () => {
  const complete = workload({ complete: true });

  it('waits for every workload, until the deadline or a failure', () => {
    expect(decide({ phase: 'restoring' }, [complete, workload()])).toEqual({
      type: 'wait',
      forMs: 56_000,
      message: 'rolling back: web 1/3 new, 0 ready',
    });
  });

  it('of a first release halts: there is nothing to apply', () => {
    const { stable: _, ...release } = input({ phase: 'rollingBack' }, nothing, 0).release;

    const decision = decideRolling({ ...input({ phase: 'rollingBack' }, nothing, 0), release });

    const reason = 'the release failed; this was the first release, there is nothing to roll back to';
    expect(decision).toEqual({ type: 'halt', reason });
  });

  it('that fails says what failed, and carries the problem', () => {
    const found = problem({ restarts: 5, message: 'v2 crashes' });
    const failing = workload({ problems: [found] });

    expect(decide({ phase: 'restoring', reason: 'v3 crashes' }, [complete, failing])).toEqual({
      type: 'halt',
      reason: 'v3 crashes; rolling back to revision 2 failed too: v2 crashes',
      problem: found,
    });
  });

  it('begins with the problem that caused it', () => {
    const found = problem({ restarts: 5 });

    expect(decide({}, [workload({ problems: [found] })])).toMatchObject({ type: 'rollBack', problem: found });
  });
});

it('names each workload that is not complete, and one that its controller has not observed', () => {
  const unobserved = workload({ reference: { ...reference, name: 'worker' }, revision: undefined });

  expect(decide({}, [workload({ complete: true }), workload(), unobserved])).toMatchObject({
    message: 'web 1/3 new, 0 ready, worker not observed by its controller yet',
  });
});

describe('broken pods of another revision', () => {
  const stuck = {
    reference: { apiVersion: 'v1', kind: 'Pod', name: 'web-0', namespace: 'shop' },
    uid: 'u',
  };

  it('are deleted when they block a release that mends them', () => {
    expect(decide({}, [workload({ stuckPods: [stuck] })])).toMatchObject({
      action: { type: 'deletePods', pods: [stuck] },
      next: { phase: 'progressing' },
    });
  });

  it.each([
    ['progressing', 'rollBack'],
    ['restoring', 'halt'],
  ])('are no longer deleted after the deadline in phase %s', (phase, type) => {
    expect(decide({ phase }, [workload({ stuckPods: [stuck] })], 60_000)).toMatchObject({ type });
  });
});

describe('failureOf', () => {
  const crash = (restarts: number, backsOff: boolean) => [
    workload({ problems: [problem({ restarts, backsOff })] }),
  ];

  it.each([
    [2, true, 3, false],
    [3, true, 3, true],
    [4, false, 3, false],
    [5, false, 3, true],
    [1, true, undefined, true],
    [2, false, undefined, false],
    [3, false, undefined, true],
  ])('of %i restarts (CrashLoopBackOff: %s), limit %s: %s', (restarts, backsOff, restartLimit, fails) => {
    const settings = restartLimit === undefined ? {} : { restartLimit };

    expect(failureOf(crash(restarts, backsOff), settings) !== undefined).toBe(fails);
  });

  it.each([
    ['imagePull', 15_000],
    ['configuration', 10_000],
    ['creation', 30_000],
    ['missing', 5000],
    ['deadline', 0],
    ['failed', 0],
    ['unschedulable', Infinity],
  ] as const)('lets %s last for %d ms', (kind, ms) => {
    expect(graceMs(problem({ kind }), {})).toBe(ms);
  });

  it('never fails a release because a kubelet does not reach the API server', () => {
    expect(graceMs(problem({ kind: 'configuration', isPassing: true }), {})).toBe(Infinity);
  });

  it('waits for room under a quota while pods are being replaced', () => {
    const refused = (room: 'own' | 'others') => [problem({ kind: 'creation', room, lastedMs: 60_000 })];
    const one = (room: 'own' | 'others') => [workload({ problems: refused(room) })];

    expect(failureOf(one('own'), {})).toBeUndefined();
    expect(failureOf(one('others'), {})).toBeDefined();
    expect(failureOf([...one('others'), workload()], {})).toBeUndefined();
    expect(failureOf([...one('others'), workload({ complete: true })], {})).toBeUndefined();
  });

  it('gives an image that will never come no time', () => {
    expect(graceMs(problem({ kind: 'imagePull', isFinal: true }), {})).toBe(0);
  });
});
