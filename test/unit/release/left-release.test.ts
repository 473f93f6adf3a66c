import { describe, expect, it } from '@jest/globals';
import { holdAnnotation } from '../../../src/kubernetes/hold-mark.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { rollBackLeft } from '../../../src/release/left-release.ts';
import type { RevisionRecord } from '../../../src/release/record/release-record.ts';
import type { Decision, Strategy } from '../../../src/strategies/strategy.ts';
import { webObjects } from './release-world.ts';
import { scriptedRelease } from './scripted-release.ts';

const { signal } = new AbortController();
const rolledBack: Decision = { type: 'done', outcome: 'rolledBack' };
const revisions = [webObjects('v1'), webObjects('v2'), webObjects('v3')];
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };

/** The Deployment as a release of this revision holds it. */
function heldBy(revision: number | 'none'): KubernetesObject {
  const [live] = webObjects('v2') as [KubernetesObject];
  const mark = JSON.stringify({ revision, step: 'waiting', since: '', end: 'abort', before: {} });
  const annotations = revision === 'none' ? {} : { [holdAnnotation]: mark };
  return { ...live, metadata: { ...live.metadata, annotations } };
}

/** A release of revision 2 that was left by a strategy which holds its Deployment. */
async function left(decisions: readonly Decision[], more: Partial<Strategy> = {}) {
  const made = await scriptedRelease({
    ...{ decisions, revisions, observes: { holding: 'seen' } },
    strategy: { parts: () => ({ deployment: webObjects('v2')[0] as never }), ...more },
  });
  const end = (by = 'rolling') => rollBackLeft(made.session, by, { signal });
  return { ...made, end };
}

describe('what another strategy has left in the middle', () => {
  it('is rolled back by its own strategy, for its new owner', async () => {
    const { end, session, told, cluster } = await left([rolledBack]);
    await session.saveCurrent({ owner: 'another', state: { phase: 'begun' } }, { signal });
    let owner: string | undefined;
    cluster.after = (verb) => {
      if (verb === 'replace') owner ??= session.current.owner;
    };
    const saved: unknown[] = [];
    const save = session.save.bind(session);
    session.save = (record, options) => {
      saved.push(record.current?.owner);
      return save(record, options);
    };

    await end();

    expect(saved).toEqual(['test', 'test', undefined]);
    expect(told).toContain(
      'undoing: replaced by a release with another strategy; rolling back to revision 1',
    );
    expect(session.record.history[1]).toMatchObject({ outcome: 'rolledBack' });
  });

  it('stops the next release where it cannot be rolled back', async () => {
    const { end } = await left([{ type: 'halt', reason: 'no node is left' }]);

    await expect(end()).rejects.toMatchObject({
      code: 'left-release',
      fault: 'failure',
      message: 'revision 2 still holds web: no node is left',
      hint: 'release web with the strategy of that revision, scripted',
    });
  });

  it('is brought to rest by the next release where that has the same strategy', async () => {
    const { end, session, writes } = await left([rolledBack]);

    await end('scripted');

    expect(session.current.state.phase).toBe('applying');
    expect(writes).toEqual([]);
  });

  it('is left alone where it holds nothing by now', async () => {
    const { end, session, writes } = await left([rolledBack], { observes: () => ({ workloadsOf: 2 }) });

    await end();

    expect(session.current.state.phase).toBe('applying');
    expect(writes).toEqual([]);
  });
});

describe('what another strategy has left when it was halted', () => {
  /** Revision 3 was halted, as the record says; the Deployment has the mark of `marked`. */
  async function halted(
    { marked = 3, entry = {} }: { marked?: number | 'none'; entry?: Partial<RevisionRecord> },
    more: Partial<Strategy> = {},
  ) {
    const begun: unknown[] = [];
    const begin = (settings: object) => {
      begun.push(settings);
      return { phase: 'begun' };
    };
    const made = await left([rolledBack], { begin, ...more });
    const { session, cluster } = made;
    const { current: _, history, ...rest } = session.record;
    const [first, second] = history as [RevisionRecord, RevisionRecord];
    const last: RevisionRecord = { ...second, number: 3, outcome: 'halted', ...entry };
    await session.save({ ...rest, history: [first, { ...second, outcome: 'superseded' }, last] }, { signal });
    cluster.put(heldBy(marked));
    made.writes.length = 0;
    return { ...made, begun };
  }

  it('is opened again, and rolled back', async () => {
    const { end, session, told } = await halted({});

    await end();

    expect(told).toContain(
      'undoing: replaced by a release with another strategy; rolling back to revision 1',
    );
    expect(session.record.history[2]).toMatchObject({ number: 3, outcome: 'rolledBack' });
  });

  it('begins with the settings of its revision, in a phase that has taken no time', async () => {
    const { end, session, clock, begun } = await halted({}, { settings: settingsOf({ steps: 3 }) });
    const seen: unknown[] = [];
    const save = session.save.bind(session);
    session.save = (record, options) => {
      seen.push(record.current);
      return save(record, options);
    };

    await end();

    expect(begun).toEqual([{ steps: 3 }]);
    expect(seen[0]).toEqual({
      ...{ revision: 3, owner: 'test', stable: 1, state: { phase: 'begun' } },
      ...{ phaseSpentMs: 0, phaseSince: clock.now(), generations: {} },
    });
  });

  it.each<[string, Parameters<typeof halted>[0], Partial<Strategy>]>([
    ['failed, and so was no longer held', { entry: { outcome: 'failed' } }, {}],
    ['was released by a strategy that holds nothing', { entry: { strategy: 'rolling' } }, {}],
    ['has no Deployment', { entry: { objects: [] } }, {}],
    ['does not hold the Deployment any more', { marked: 'none' }, {}],
    ['has a Deployment that another revision holds', { marked: 2 }, {}],
  ])('stays as it is where it %s', async (_, state, more) => {
    const { end, writes, session } = await halted(state, more);

    await end('toy');

    expect(session.record).not.toHaveProperty('current');
    expect(writes).toEqual([]);
  });

  it('stays as it is where its Deployment is gone', async () => {
    const { end, writes, cluster } = await halted({});
    cluster.drop(deployment);

    await end();

    expect(writes).toEqual([]);
  });

  it('stays as it is where the next release has the same strategy', async () => {
    const { end, writes } = await halted({});

    await end('scripted');

    expect(writes).toEqual([]);
  });
});

/** Settings that are always these. */
function settingsOf(settings: object): Strategy['settings'] {
  return { parse: () => settings } as never;
}
