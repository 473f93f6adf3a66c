import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { InternalError } from '../../../src/base/errors.ts';
import { RejectedError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { rollBack } from '../../../src/release/reconcile.ts';
import type { Decision, Problem } from '../../../src/strategies/strategy.ts';
import { webObjects } from './release-world.ts';
import { act, released, scriptedRelease, wait } from './scripted-release.ts';

const { signal } = new AbortController();
const revisions = [webObjects('v1'), webObjects('v2')];
const problem: Problem = {
  ...{ kind: 'crashLoop', message: 'web crashes', key: 'web-1/crash', lastedMs: 0 },
  pod: { namespace: 'shop', name: 'web-1', container: 'web', restarted: false },
};
const halt: Decision = { type: 'halt', reason: 'web crashes' };
const back: Decision = { type: 'rollBack', reason: 'web crashes' };
const rolledBack: Decision = { type: 'done', outcome: 'rolledBack' };

describe('the end of a release', () => {
  it('is told and kept: released', async () => {
    const { run, told, stored } = await scriptedRelease({ decisions: [released] });

    expect(await run()).toEqual({ outcome: 'released', revision: 2, stable: 2 });
    expect(told).toEqual(['applying: revision 2 is released']);
    const record = await stored();
    expect(record?.stable).toBe(2);
    expect(record).not.toHaveProperty('current');
    expect(record?.history[1]).toMatchObject({
      outcome: 'released',
      finishedAt: expect.any(Number),
      workloads: [],
    });
    expect(record?.history[1]).not.toHaveProperty('reason');
  });

  it('is told and kept: rolled back, with the first reason', async () => {
    const { run, told, stored } = await scriptedRelease({ decisions: [back, rolledBack] });

    const result = await run();

    expect(result).toEqual({ outcome: 'rolledBack', revision: 2, stable: 1, reason: 'web crashes' });
    expect(told).toEqual([
      'undoing: web crashes; rolling back to revision 1',
      'undoing: revision 2 was rolled back; revision 1 is serving',
    ]);
    const record = await stored();
    expect(record?.stable).toBe(1);
    expect(record?.history[1]).toMatchObject({ outcome: 'rolledBack', reason: 'web crashes' });
  });

  it('is told and kept: halted', async () => {
    const { run, told, stored } = await scriptedRelease({ decisions: [halt] });

    expect(await run()).toEqual({ outcome: 'halted', revision: 2, stable: 1, reason: 'web crashes' });
    expect(told).toEqual(['applying: revision 2 was halted']);
    expect((await stored())?.stable).toBe(1);
  });

  it('is told and kept: failed, where nothing was released before', async () => {
    const { session, run, told, stored } = await scriptedRelease({ decisions: [halt] });
    const { stable: _, ...first } = session.record;
    await session.save(first, { signal });

    expect(await run()).toEqual({ outcome: 'failed', revision: 2, reason: 'web crashes' });
    expect(told).toEqual(['applying: revision 2 failed']);
    expect(await stored()).not.toHaveProperty('stable');
  });

  it('keeps which pods were released, and of other ends what the manifests say', async () => {
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'migrate', namespace: 'shop' },
      spec: {},
    };
    const observed = async (decision: Decision) => {
      const { cluster, run, stored } = await scriptedRelease({
        ...{ decisions: [decision], observes: { workloadsOf: 2 }, revisions: [[], [job]] },
      });
      cluster.put({ ...job, status: { conditions: [{ type: 'Complete', status: 'True' }] } });
      await run();
      return (await stored())?.history[1]?.workloads;
    };

    expect(await observed(released)).toEqual([{ kind: 'Job', name: 'migrate', revision: 'migrate' }]);
    expect(await observed(halt)).toEqual([]);
  });
});

describe('the log of a container that failed', () => {
  const withLog = (decisions: readonly Decision[], log = 'no config') => {
    const notices: unknown[][] = [];
    const progress = async () => undefined;
    const report = { progress, notice: async (...all: unknown[]) => void notices.push(all) };
    const pods = { logs: async () => Readable.from([Buffer.from(log)]) };
    return scriptedRelease({ decisions, ports: { pods, report } }).then((made) => ({ ...made, notices }));
  };

  it('is told when its release is rolled back, and again at the end', async () => {
    const { run, notices } = await withLog([{ ...back, problem }, rolledBack]);

    expect((await run()).logTail).toBe('its last log lines: no config');
    expect(notices).toEqual([['warning', 'its last log lines: no config', { endTells: true }]]);
  });

  it('is told at the end alone, when it halts its release', async () => {
    const { run, notices } = await withLog([{ ...halt, problem }]);

    expect((await run()).logTail).toBe('its last log lines: no config');
    expect(notices).toEqual([]);
  });

  it('is not looked for where the problem is no container’s', async () => {
    const { run, notices } = await withLog([back, rolledBack]);

    expect(await run()).not.toHaveProperty('logTail');
    expect(notices).toEqual([]);
  });

  it('is not told where it is empty', async () => {
    const { run, notices } = await withLog([{ ...back, problem }, rolledBack], '');

    expect(await run()).not.toHaveProperty('logTail');
    expect(notices).toEqual([]);
  });

  it('is that of the first failure, when the way back fails, too', async () => {
    const logs = ['first', 'second'];
    const pods = { logs: async () => Readable.from([Buffer.from(logs.shift() ?? '')]) };
    const { run } = await scriptedRelease({
      decisions: [
        { ...back, problem },
        { ...halt, problem },
      ],
      ports: { pods },
    });

    expect((await run()).logTail).toBe('its last log lines: first');
  });
});

describe('the way back', () => {
  it('begins once: the first reason and the time of its phase stay', async () => {
    const { session, told } = await scriptedRelease({ decisions: [released] });
    await rollBack('web crashes', session, { signal });
    const begun = session.current;

    await rollBack('it was cancelled', session, { signal });

    expect(session.current).toEqual(begun);
    expect(begun).toMatchObject({ state: { phase: 'undoing' }, reason: 'web crashes', phaseSpentMs: 0 });
    expect(told).toEqual(['undoing: web crashes; rolling back to revision 1']);
  });

  it('says nothing of a revision where there is none to go back to', async () => {
    const { stable: _, ...current } = (await scriptedRelease({ decisions: [released] })).session.current;
    const { session, told } = await scriptedRelease({ decisions: [released], record: { current } });

    await rollBack('web crashes', session, { signal });

    expect(session.current.state.phase).toBe('undoing');
    expect(told).toEqual([]);
  });
});

describe('a release while the API does not answer', () => {
  const silent = async (decisions: readonly Decision[]) => {
    const made = await scriptedRelease({ decisions, observes: { workloadsOf: 2 }, revisions });
    const { cluster } = made;
    cluster.watch = refused;
    let isAway = true;
    cluster.before = (_verb, { kind }) => {
      if (isAway && kind === 'Deployment') throw new UnreachableError('connection refused');
    };
    return { ...made, answer: () => (isAway = false) };
  };

  it('is given up after ten minutes, and left as it is', async () => {
    const { clock, run, stored } = await silent([wait(10_000)]);
    const begunMs = clock.monotonicMs();

    await expect(run()).rejects.toMatchObject({
      name: 'UnreachableError',
      message: expect.stringMatching(
        /^the cluster has not answered for 6[01]\d s while web is being released: connection refused$/,
      ),
      hint: 'the release is left as it is; continue it with: pipeline release resume web -n shop',
    });

    expect(clock.monotonicMs() - begunMs).toBeGreaterThanOrEqual(600_000);
    expect((await stored())?.current).toMatchObject({ revision: 2, state: { phase: 'applying' } });
  });

  it('may do what it knows how to do', async () => {
    const { run, looks } = await silent([act({ type: 'deletePods', pods: [] }), halt]);

    await expect(run()).rejects.toThrow(InternalError);
    expect(looks.map(({ observed, phase }) => `${observed} ${phase}`)).toEqual([
      'unknown applying',
      'unknown acted',
    ]);
  });

  it('ends where an action fails that cannot be taken back', async () => {
    const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
    const selectPods = act({ type: 'selectPods', service, selector: {} });
    const { run, session, cluster } = await silent([selectPods]);
    await session.saveCurrent({ state: { phase: 'undoing' } }, { signal });
    const { before } = cluster;
    cluster.before = (verb, reference) => {
      if (reference.kind === 'Service') throw new RejectedError('not allowed', { status: 403 });
      before(verb, reference);
    };

    expect((await run()).outcome).toBe('halted');
  });

  it.each([released, halt, back])('does not end: a strategy may not decide $type', async (decision) => {
    const { run, writes } = await silent([decision]);

    await expect(run()).rejects.toThrow(`a strategy decided "${decision.type}" from an unknown state`);
    expect(writes).toEqual([]);
  });
});

// eslint-disable-next-line require-yield -- it breaks before it says anything
async function* refused(): AsyncGenerator<never> {
  await Promise.resolve();
  throw new UnreachableError('connection refused');
}
