import { describe, expect, it } from '@jest/globals';
import { decideRolling, followedRevision } from '../../../../src/strategies/rolling/decide.ts';
import type { Problem, ReleaseState, WorkloadState } from '../../../../src/strategies/strategy.ts';

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };

function state(change: Partial<ReleaseState> = {}): ReleaseState {
  return {
    revision: 3,
    strategy: { name: 'rolling', restartLimit: 1 },
    phase: 'progressing',
    phaseStartedAt: 1000,
    timeoutMs: 60_000,
    rollback: 'auto',
    stable: 2,
    generations: {},
    ...change,
  };
}

function workload(change: Partial<WorkloadState> = {}): WorkloadState {
  return {
    reference,
    settled: false,
    unprobed: false,
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
  return { kind: 'crashLoop', message: 'it crashes', key: 'k', graceMs: 0, sinceMs: 2000, ...change };
}

const decide = (change: Partial<ReleaseState>, workloads: readonly WorkloadState[], now = 5000) =>
  decideRolling({ state: state(change), observed: { workloads }, now });

describe('decideRolling', () => {
  it('begins by applying the new revision', () => {
    expect(decide({ phase: 'applying' }, [])).toMatchObject({
      type: 'act',
      action: { type: 'apply', revision: 3 },
      phase: 'progressing',
    });
  });

  it('waits until the deadline while the pods are replaced, and says how far it is', () => {
    expect(decide({}, [workload()])).toEqual({
      type: 'wait',
      untilMs: 61_000,
      message: 'web 1/3 new, 0 ready',
    });
  });

  it('cleans up when every workload is settled', () => {
    expect(decide({}, [workload({ settled: true })])).toMatchObject({
      type: 'act',
      action: { type: 'cleanUp', revision: 3 },
      phase: 'cleaned',
    });
  });

  it('watches new pods without a readinessProbe for a while before it believes them', () => {
    const settled = workload({ settled: true, settledSinceMs: 3000, unprobed: true });
    const changed = { generations: { 'apps/Deployment/shop/web': 2 } };

    expect(decide(changed, [settled], 7999)).toMatchObject({ type: 'wait', untilMs: 8000 });
    expect(decide(changed, [settled], 8000)).toMatchObject({ type: 'act', phase: 'cleaned' });
    expect(decide(changed, [{ ...settled, unprobed: false }], 3000)).toMatchObject({ type: 'act' });
  });

  it('does not wait for pods that the release has not changed', () => {
    const settled = workload({ settled: true, settledSinceMs: 3000, unprobed: true });

    expect(decide({ generations: {} }, [settled], 3000)).toMatchObject({ type: 'act', phase: 'cleaned' });
  });

  it('is done after cleaning up', () => {
    expect(decide({ phase: 'cleaned' }, [])).toEqual({ type: 'done' });
  });

  it('is settled at once when there are no workloads', () => {
    expect(decide({}, [])).toMatchObject({ type: 'act', phase: 'cleaned' });
  });

  it('goes back as soon as a problem has lasted as long as it may', () => {
    const imagePull = problem({ graceMs: 15_000, sinceMs: 2000 });

    expect(decide({}, [workload({ problems: [imagePull] })], 16_999)).toMatchObject({
      type: 'wait',
      untilMs: 17_000,
    });
    expect(decide({}, [workload({ problems: [imagePull] })], 17_000)).toMatchObject({
      type: 'rollBack',
      reason: 'it crashes',
    });
  });

  it('does not mind the problems of a workload that is settled', () => {
    expect(decide({}, [workload({ settled: true, problems: [problem()] })])).toMatchObject({ type: 'act' });
  });

  it('lets a problem that only explains wait for the deadline, and then tells it', () => {
    const unschedulable = problem({ graceMs: Number.POSITIVE_INFINITY, message: 'no node fits' });

    expect(decide({}, [workload({ problems: [unschedulable] })], 60_999)).toMatchObject({ type: 'wait' });
    expect(decide({}, [workload({ problems: [unschedulable] })], 61_000)).toMatchObject({
      type: 'rollBack',
      reason: 'web 1/3 new, 0 ready (no node fits): not done within 60 s; no node fits',
    });
  });

  it.each([
    ['there is nothing to go back to', { stable: undefined }, /first release/],
    ['rollback is never', { rollback: 'never' as const }, /rollback: never/],
  ])('halts on failure when %s', (_when, change, reason) => {
    const { stable: _, ...without } = state();
    const given = 'stable' in change ? without : { ...state(), ...change };

    const decision = decideRolling({
      state: given,
      observed: { workloads: [workload({ problems: [problem()] })] },
      now: 5000,
    });

    expect(decision).toMatchObject({ type: 'halt', reason: expect.stringMatching(reason) });
  });

  it('waits for a paused Deployment to be resumed, and halts at the deadline since it can go nowhere', () => {
    const paused = workload({ paused: true });

    expect(decide({}, [paused])).toMatchObject({
      type: 'wait',
      message: expect.stringContaining('kubectl rollout resume deployment/web'),
    });
    expect(decide({}, [paused], 61_000)).toMatchObject({ type: 'halt' });
  });

  it('applies the stable revision on the way back, and is done when that is settled', () => {
    expect(decide({ phase: 'rollingBack', reason: 'why' }, [])).toMatchObject({
      action: { type: 'apply', revision: 2 },
      phase: 'restoring',
    });
    expect(decide({ phase: 'restoring', reason: 'why' }, [workload({ settled: true })])).toMatchObject({
      action: { type: 'cleanUp', revision: 2 },
      phase: 'restored',
    });
    expect(decide({ phase: 'restored', reason: 'why' }, [])).toEqual({ type: 'done' });
  });

  it('deletes the pods that a StatefulSet would wait for on its way back', () => {
    const stuck = {
      reference: { apiVersion: 'v1', kind: 'Pod', name: 'web-2', namespace: 'shop' },
      uid: 'u',
    };

    expect(decide({ phase: 'restoring' }, [workload({ stuckPods: [stuck] })])).toMatchObject({
      action: { type: 'deletePods', pods: [stuck] },
      phase: 'restoring',
    });
  });

  it.each([
    ['the stable version fails too', [workload({ problems: [problem({ message: 'no node' })] })], 5000],
    ['the way back takes too long', [workload()], 61_000],
  ])('halts when %s', (_when, workloads, now) => {
    expect(decide({ phase: 'restoring', reason: 'v3 crashes' }, workloads, now)).toMatchObject({
      type: 'halt',
      reason: expect.stringMatching(/^v3 crashes; going back to revision 2 failed too: /),
    });
  });

  it('refuses a phase that it does not know', () => {
    expect(() => decide({ phase: 'dancing' }, [])).toThrow(/no phase "dancing"/);
  });

  it.each([
    ['applying', undefined],
    ['progressing', 3],
    ['rollingBack', undefined],
    ['restoring', 2],
  ])('in phase %s follows revision %s', (phase, revision) => {
    expect(followedRevision(state({ phase }))).toBe(revision);
  });
});
