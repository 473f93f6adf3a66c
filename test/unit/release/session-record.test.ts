import { describe, expect, it } from '@jest/globals';
import { InternalError } from '../../../src/base/errors.ts';
import { released, scriptedRelease } from './scripted-release.ts';

const options = { signal: new AbortController().signal };
const decisions = [released];

describe('a release in progress', () => {
  it('is none where none is', async () => {
    const { session } = await scriptedRelease({ decisions });
    const { current: _, ...rest } = session.record;
    await session.save(rest, options);

    expect(() => session.current).toThrow(new InternalError('no release of web is in progress'));
  });

  it('has settings', async () => {
    const { session } = await scriptedRelease({ decisions });
    const history = session.record.history.map(({ settings: _, ...entry }) => entry);
    await session.save({ ...session.record, history }, options);

    expect(() => session.settings).toThrow(new InternalError('a release of web has no settings'));
  });

  it('tells its strategy what it knows', async () => {
    const { session } = await scriptedRelease({ decisions, settings: { rollback: 'never' } });
    const facts = { revision: 2, generations: {}, rollback: 'never', timeoutMs: 60_000, stable: 1 };
    expect(session.facts).toEqual(facts);
    const history = session.record.history.map((entry) => ({ ...entry, rollbackOf: 1 }));

    await session.replaceCurrent({ ...session.current, reason: 'pods crash' }, options, { history });

    expect(session.facts).toEqual({ ...facts, reason: 'pods crash', rollbackOf: 1 });
  });
});

describe('the beginning of a phase', () => {
  it('is written for people, and stays until the next one begins', async () => {
    const { session, clock } = await scriptedRelease({ decisions });
    await session.saveCurrent({ state: { phase: 'waiting' } }, options);
    const since = clock.now();
    expect(session.current.phaseSince).toBe(since);
    await clock.sleep(5000, options);

    await session.saveCurrent({ reason: 'pods crash' }, options);
    expect(session.current.phaseSince).toBe(since);
    await session.saveCurrent({ state: { phase: 'next' } }, options);

    expect(session.current.phaseSince).toBe(since + 5000);
  });

  it('is another for another revision in a phase of the same name', async () => {
    const { session, clock } = await scriptedRelease({ decisions });
    await session.saveCurrent({ state: { phase: 'waiting' } }, options);
    await clock.sleep(5000, options);

    await session.saveCurrent({ revision: 1 }, options);

    expect(session.current.phaseSince).toBe(clock.now());
  });

  it('is that of the first phase where none was in progress', async () => {
    const { session, clock } = await scriptedRelease({ decisions });
    const { current: _, ...rest } = session.record;
    const { current } = session;
    await session.save(rest, options);

    await session.replaceCurrent(current, options);

    expect(session.current.phaseSince).toBe(clock.now());
  });

  it('stays unknown where a version before has not written it', async () => {
    const { session } = await scriptedRelease({ decisions });

    await session.saveCurrent({ reason: 'pods crash' }, options);

    expect(session.current).not.toHaveProperty('phaseSince');
  });
});

describe('the record of a release that is read again', () => {
  /** Somebody else's write of the record. */
  async function written(owner: string, more: { ends?: boolean; anew?: boolean } = {}) {
    const made = await scriptedRelease({ decisions });
    const { session, store, cluster } = made;
    await session.saveCurrent({ owner: 'test' }, options);
    const map = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
    if (more.anew === true) cluster.drop(map);
    const stored = await store.loadOrCreate(options);
    const { current: _, ...rest } = session.record;
    const current = { ...session.current, reason: 'written', owner };
    await store.save(stored, more.ends === true ? rest : { ...rest, current }, options);
    return { ...made, map };
  }

  it('is what this runner has written, whose answer it did not hear', async () => {
    const { session } = await written('test');

    await session.reload(options);

    expect(session.current.reason).toBe('written');
    await session.saveCurrent({ reason: 'next' }, options);
  });

  it('has no release in progress where it has ended', async () => {
    const { session } = await written('test', { ends: true });

    await session.reload(options);

    expect(session.record).not.toHaveProperty('current');
  });

  it.each([
    ['another runner owns the release by now', 'another', {}],
    ['it is another record by now', 'test', { anew: true }],
  ])('stays as it was where %s', async (_, owner, more) => {
    const { session } = await written(owner, more);

    await session.reload(options);

    expect(session.current).not.toHaveProperty('reason');
  });

  it('stays as it was where it is gone', async () => {
    const { session, cluster, map } = await written('test');
    cluster.drop(map);

    await session.reload(options);

    expect(session.current.revision).toBe(2);
  });
});
