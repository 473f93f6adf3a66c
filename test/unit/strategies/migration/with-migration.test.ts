import { describe, expect, it } from '@jest/globals';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import { withMigration } from '../../../../src/strategies/migration/with-migration.ts';
import { rolling } from '../../../../src/strategies/rolling/rolling.ts';
import type {
  DecisionInput,
  Observed,
  ObservedWorkload,
  ReleaseFacts,
} from '../../../../src/strategies/strategy.ts';

const job = { apiVersion: 'batch/v1', kind: 'Job', name: 'migrate-1', namespace: 'shop' };
const strategy = withMigration(rolling, { job, timeoutMs: 60_000 });
const release: ReleaseFacts = {
  ...{ revision: 4, stable: 3, rollback: 'auto', timeoutMs: 1, generations: {} },
};
const running: ObservedWorkload = {
  ...{ reference: job, complete: false, withoutReadinessProbe: false, paused: false },
  ...{ desired: 1, updated: 1, ready: 0, revision: 'migrate-1', problems: [], tracks: [], stuckPods: [] },
};
const seen = (workload: Partial<ObservedWorkload> = {}): Observed => ({
  ...{ type: 'seen', workloads: [{ ...running, ...workload }] },
});
const decide = (phase: string, more: Partial<DecisionInput> = {}) =>
  strategy.decide({ release, settings: {}, state: { phase }, observed: seen(), phaseMs: 0, ...more });
const problem = (kind: 'imagePull' | 'failed' | 'unschedulable', lastedMs: number, isFinal = false) => ({
  ...{ kind, lastedMs, message: 'it is wrong', key: 'a', isFinal },
});

describe('a strategy with a migration', () => {
  it('begins with it, and goes its own way when the Job is complete', () => {
    expect(strategy.begin({})).toEqual({ phase: 'startingMigration' });
    expect(decide('startingMigration')).toMatchObject({
      ...{ type: 'act', action: { type: 'migrate' }, next: { phase: 'migrating' } },
    });
    expect(decide('migrating', { observed: seen({ complete: true }) })).toMatchObject({
      ...{ type: 'act', action: { type: 'endMigration' }, next: rolling.begin({}) },
    });
    expect(decide('applying')).toMatchObject({ type: 'act', action: { type: 'apply', revision: 4 } });
  });

  it('follows the Job alone until then', () => {
    expect(strategy.observes({ phase: 'startingMigration' }, release)).toEqual({});
    expect(strategy.observes({ phase: 'migrating' }, release)).toEqual({ job });
    expect(strategy.observes({ phase: 'progressing' }, release)).toEqual({ workloadsOf: 4 });
  });

  it('waits while the Job runs, at most for its time, whatever that of the other phases is', () => {
    expect(decide('migrating', { phaseMs: 20_000 })).toEqual({
      ...{ type: 'wait', forMs: 40_000, message: 'waiting for Job migrate-1 to complete' },
    });
    expect(decide('migrating', { phaseMs: 60_000 })).toEqual({
      type: 'rollBack',
      reason: 'the migration failed, so nothing was changed: Job migrate-1 did not complete within 60 s',
    });
  });

  it('decides nothing while the cluster does not answer', () => {
    const observed: Observed = { type: 'unknown', reason: 'a timeout' };

    expect(decide('migrating', { observed, phaseMs: 99_000 })).toMatchObject({ type: 'wait', forMs: 2000 });
  });

  it.each([
    ['fails at once when the Job has failed', problem('failed', 0), 'rollBack'],
    ['fails at once when the image is not there', problem('imagePull', 0, true), 'rollBack'],
    ['waits for a registry that hiccups', problem('imagePull', 14_000), 'wait'],
    ['fails when it does so for too long', problem('imagePull', 15_000), 'rollBack'],
    ['waits for a node', problem('unschedulable', 50_000), 'wait'],
  ] as const)('%s', (_, found, type) => {
    expect(decide('migrating', { observed: seen({ problems: [found] }) })).toMatchObject({ type });
  });

  it('says why a Job that is late has not begun', () => {
    const observed = seen({ problems: [problem('unschedulable', 50_000)] });

    expect(decide('migrating', { observed, phaseMs: 60_000 })).toMatchObject({
      reason: expect.stringMatching(/did not complete within 60 s: it is wrong$/),
      problem: { kind: 'unschedulable' },
    });
  });

  it('lets an abort win, also over a Job that is complete, and an answer for another revision mean nothing', () => {
    const answered = (revision: number) =>
      decide('migrating', { observed: seen({ complete: true, answer: { revision, answer: 'abort' } }) });

    expect(answered(4)).toMatchObject({ type: 'rollBack', reason: expect.stringContaining('aborted') });
    expect(answered(3)).toMatchObject({ type: 'act', action: { type: 'endMigration' } });
  });

  it.each(['startingMigration', 'migrating'])('ends the Job on its way back from %s, once', (phase) => {
    expect(strategy.isUnchanged?.({ phase })).toBe(true);
    const back = strategy.rollBack({ phase }, 'why');
    expect(back).toEqual({ phase: 'endingMigration' });
    expect(strategy.rollBack(back!, 'why')).toBeUndefined();
    expect(decide('endingMigration')).toMatchObject({
      ...{ type: 'act', action: { type: 'endMigration' }, next: { phase: 'notMigrated' } },
    });
    expect(decide('notMigrated')).toEqual({ type: 'done', outcome: 'rolledBack' });
    const { stable: _, ...first } = { ...release, reason: 'it failed' };
    expect(decide('notMigrated', { release: first })).toEqual({ type: 'halt', reason: 'it failed' });
  });

  it('goes back as the strategy does from then on', () => {
    expect(strategy.isUnchanged?.({ phase: 'progressing' })).toBe(false);
    expect(strategy.rollBack({ phase: 'progressing' }, 'why')).toEqual({ phase: 'rollingBack' });
    expect(strategy.finishesAlone({ phase: 'restoring' })).toBe(true);
    expect(strategy.finishesAlone({ phase: 'endingMigration' })).toBe(false);
  });

  it('takes an abort while the Job runs, and then what the strategy takes', () => {
    const held = withMigration(canary, { job, timeoutMs: 1 });

    expect(held.answers?.({ phase: 'migrating' })).toEqual(['abort']);
    expect(held.answers?.({ phase: 'startingMigration' })).toEqual([]);
    expect(held.waitsFor?.({ phase: 'migrating' }, {})).toBeUndefined();
    expect(held.waitingStep?.({ phase: 'migrating' })).toBeUndefined();
    expect(strategy.answers?.({ phase: 'progressing' })).toEqual([]);
    expect(held.state.parse({ phase: 'migrating' })).toEqual({ phase: 'migrating' });
    expect(held.state.parse({ phase: 'comparing' })).toEqual({ phase: 'comparing' });
    expect(held.state.safeParse({ phase: 'dancing' }).success).toBe(false);
  });
});
