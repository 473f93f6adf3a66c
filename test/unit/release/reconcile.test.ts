import { describe, expect, it } from '@jest/globals';
import { ConflictError, RejectedError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import type { Action } from '../../../src/strategies/strategy.ts';
import { act, released, scriptedRelease, wait } from './scripted-release.ts';
import { webObjects } from './release-world.ts';

const { signal } = new AbortController();
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };
const apply: Action = { type: 'apply', revision: 2 };
const revisions = [webObjects('v1'), webObjects('v2')];

describe('a release that waits', () => {
  it.each([
    [0, 50],
    [3000, 3000],
    [60_000, 10_000],
  ])('for %i ms is looked at again after %i ms', async (forMs, afterMs) => {
    const { looks, run } = await scriptedRelease({ decisions: [wait(forMs), released] });

    await run();

    const [first, second] = looks;
    expect(second!.atMs - first!.atMs).toBe(afterMs);
  });

  it('writes each minute how long its phase has taken', async () => {
    const decisions = [...Array.from({ length: 13 }, () => wait(10_000)), released];
    const { session, run, writes, looks } = await scriptedRelease({ decisions });

    await run();

    expect(writes).toEqual([60_000, 120_000, 130_000]);
    expect(looks.map(({ phaseMs }) => phaseMs)).toEqual(looks.map((_, index) => index * 10_000));
    expect(session.record.current).toBeUndefined();
  });

  it('says what it waits for', async () => {
    const { told, run } = await scriptedRelease({ decisions: [wait(100, 'for pods'), released] });

    await run();

    expect(told).toEqual(['applying: for pods', 'applying: revision 2 is released']);
  });
});

describe('an action of a release', () => {
  it('is written before it is done, and its end after it', async () => {
    const { cluster, run, session, stored } = await scriptedRelease({
      decisions: [act(apply, 'watching'), wait(5000), released],
      revisions,
    });
    let before: unknown;
    cluster.before = (verb, { kind }) => {
      if (verb === 'apply' && kind === 'Deployment') before = structuredClone(session.current);
    };
    let after: unknown;
    session.ports.report.progress = async (phase) => {
      if (phase === 'watching') after ??= (await stored())?.current;
    };

    await run();

    expect(before).toMatchObject({ intent: 'apply', state: { phase: 'applying' } });
    expect(after).toMatchObject({ state: { phase: 'watching' } });
    expect(after).not.toHaveProperty('intent');
  });

  it('begins the time of a phase anew, where it ends one', async () => {
    const deletePods: Action = { type: 'deletePods', pods: [] };
    const { looks, run } = await scriptedRelease({
      decisions: [wait(4000), act(deletePods, 'applying'), wait(1000), act(deletePods, 'next'), released],
    });

    await run();

    expect(looks.map(({ phase, phaseMs }) => `${phase} ${String(phaseMs)}`)).toEqual([
      ...['applying 0', 'applying 4000', 'applying 4000', 'applying 5000', 'next 0'],
    ]);
  });

  it('leaves the generations of the last apply, where it applies nothing', async () => {
    const { session, run } = await scriptedRelease({
      decisions: [act(apply), act({ type: 'deletePods', pods: [] }), wait(100), released],
      revisions,
    });
    const seen: unknown[] = [];
    session.ports.report.progress = async (_, message) => {
      if (message === 'waiting') seen.push(session.current.generations, session.record.replicas);
    };

    await run();

    expect(seen).toEqual([{ 'apps/Deployment/shop/web': 1 }, { 'apps/Deployment/shop/web': 3 }]);
  });

  it('adds a measurement to those that its analysis has taken before', async () => {
    const measure = (key: string): Action => ({
      ...{ type: 'measure', analysis: 'errors', count: 1, candidate: 'new', stable: 'old', key },
    });
    const prometheus = { address: 'http://prometheus', query: 'errors' };
    const errors = { prometheus, success: 'result[0] < 1.0' };
    let value = 0;
    const { session, run, stored } = await scriptedRelease({
      decisions: [...['one', 'two', 'one'].map((key) => act(measure(key))), act(apply), released],
      ...{ revisions, settings: { analyses: { errors } } },
    });
    session.ports.measurements = {
      measure: async () => ({ type: 'value', value: [value], text: String((value += 1)) }),
    };

    await run();

    const { samples } = (await stored())!.history[1]!;
    const texts = Object.entries(samples ?? {}).map(([key, all]) => [key, all.map(({ text }) => text)]);
    expect(texts).toEqual([
      ['one', ['1', '3']],
      ['two', ['2']],
    ]);
  });

  it.each<Action>([
    { type: 'selectPods', service, resourceVersion: 'older', selector: { app: 'web' } },
    {
      ...{ type: 'rollout', deployment, resourceVersion: 'older', fields: {}, before: {}, step: 'pinned' },
    },
  ])('is decided anew, a moment later, where $type finds another state than was seen', async (action) => {
    const { cluster, looks, told, run } = await scriptedRelease({ decisions: [act(action), released] });
    cluster.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {},
    });
    cluster.put(webObjects('v1')[0]!);

    expect((await run()).outcome).toBe('released');

    const [first, second] = looks;
    expect(second).toMatchObject({ phase: 'applying', atMs: first!.atMs + 100 });
    expect(told.filter((line) => line.includes('failed'))).toEqual([]);
  });

  it('fails where it is no other state that keeps it from being done', async () => {
    const action: Action = { type: 'selectPods', service, selector: { app: 'web' } };
    const { cluster, looks, run } = await scriptedRelease({ decisions: [act(action), released] });
    cluster.before = (verb, { kind }) => {
      if (verb === 'get' && kind === 'Service') throw new RejectedError('not allowed', { status: 403 });
    };

    await run();

    expect(looks.map(({ phase }) => phase)).toEqual(['applying', 'undoing']);
  });

  it.each<[string, Action, string]>([
    ['cleaning up', { type: 'cleanUp', revision: 2 }, 'list ConfigMap'],
    ['deleting pods', { type: 'deletePods', pods: [{ reference: service, uid: '1' }] }, 'delete Service'],
    ['removing the preview', { type: 'removePreview', service }, 'get Service'],
  ])('that fails while %s is told, and the release goes on', async (_, action, failing) => {
    const { cluster, looks, told, run } = await scriptedRelease({
      decisions: [act(action), released],
      revisions,
    });
    cluster.before = (verb, { kind }) => {
      if (`${verb} ${kind}` === failing) throw new RejectedError('it is locked', { status: 403 });
    };

    expect((await run()).outcome).toBe('released');
    expect(told).toContain('warning: cleanup after the release failed: it is locked');
    expect(looks.map(({ phase }) => phase)).toEqual(['applying', 'acted']);
  });
});

describe('an action that fails', () => {
  const failing = async (
    more: Partial<Parameters<typeof scriptedRelease>[0]> = {},
    action: Action = apply,
  ) => {
    const made = await scriptedRelease({ decisions: [act(action), released], revisions, ...more });
    made.cluster.before = (verb, { kind }) => {
      if (verb === 'apply' && kind === 'Deployment')
        throw new RejectedError('no such field', { status: 422 });
    };
    return made;
  };
  const reason = expect.stringMatching(/^applying revision 2 failed: .*no such field$/);

  it('is rolled back', async () => {
    const { looks, told, run, session } = await failing();

    await run();

    expect(looks.map(({ phase }) => phase)).toEqual(['applying', 'undoing']);
    expect(told).toContainEqual(
      expect.stringMatching(/^undoing: applying revision 2 failed: .*back to revision 1$/),
    );
    expect(session.record.history[1]).toMatchObject({ reason });
  });

  it('is of the revision in progress, where it names none', async () => {
    const made = await failing({}, { type: 'selectPods', service, selector: {} });
    made.cluster.before = (verb, { kind }) => {
      if (verb === 'get' && kind === 'Service') throw new RejectedError('not allowed', { status: 403 });
    };

    await made.run();

    expect(made.session.record.history[1]?.reason).toBe('applying revision 2 failed: not allowed');
  });

  it('halts the release where a rollback is not wanted', async () => {
    const { run, stored } = await failing({ settings: { rollback: 'never' } });

    expect(await run()).toEqual({ outcome: 'halted', revision: 2, stable: 1, reason });
    expect((await stored())?.history[1]).toMatchObject({ outcome: 'halted', reason });
  });

  it('ends the first release, which has nothing to go back to', async () => {
    const { stable: _, ...current } = (await scriptedRelease({ decisions: [released] })).session.current;
    const { session, run, told } = await failing({ record: { current } });
    const { stable: _stable, ...first } = session.record;
    await session.save(first, { signal });

    expect(await run()).toEqual({ outcome: 'failed', revision: 2, reason });
    expect(told.at(-1)).toBe('applying: revision 2 failed');
  });

  it.each([
    ['why it is rolled back', 'pods crash', 'pods crash'],
    ['that it failed', undefined, 'the release failed'],
  ])('on the way back halts the release, and says %s', async (_, first, told) => {
    const { session, run } = await failing(
      { strategy: { rollBack: () => undefined } },
      { type: 'apply', revision: 1 },
    );
    if (first !== undefined) await session.saveCurrent({ reason: first }, { signal });

    const result = await run();

    expect(result.outcome).toBe('halted');
    expect(result.reason).toMatch(new RegExp(`^${told}; applying revision 1 failed: .*no such field$`));
  });

  it.each<[string, Error | undefined]>([
    ['the API stays away', new UnreachableError('no answer')],
    ['the release is another runner’s', new LeaseLostError('taken over')],
    ['the program has a fault', undefined],
  ])('decides nothing where %s', async (_, fault) => {
    const action: Action = fault === undefined ? { type: 'cleanUp', revision: 99 } : apply;
    const { cluster, run, stored, told } = await scriptedRelease({
      decisions: [act(action), released],
      revisions,
    });
    cluster.before = (verb, { kind }) => {
      if (fault !== undefined && verb === 'apply' && kind === 'Deployment') throw fault;
    };

    await expect(run()).rejects.toThrow(fault?.message ?? 'revision 99 is not in the release record');

    expect((await stored())?.current).toMatchObject({ intent: action.type, state: { phase: 'applying' } });
    expect(told).toEqual([`applying: to ${action.type}`]);
  });

  it('decides nothing where it is aborted', async () => {
    const { cluster, run, told } = await failing({ settings: { rollback: 'never' } });
    const controller = new AbortController();
    cluster.before = (verb, { kind }) => {
      if (verb !== 'apply' || kind !== 'Deployment') return;
      controller.abort(new Error('stop'));
      throw new RejectedError('cut off', { status: 400 });
    };

    await expect(run({ signal: controller.signal })).rejects.toThrow();

    expect(told).toEqual(['applying: to apply']);
  });

  it('fails also by a conflict, where it is not guarded by what was seen', async () => {
    const { cluster, looks, run } = await failing();
    cluster.before = (verb, { kind }) => {
      if (verb === 'apply' && kind === 'Deployment') throw new ConflictError('the object has been modified');
    };

    await run();

    expect(looks.map(({ phase }) => phase)).toEqual(['applying', 'undoing']);
  });
});
