import { describe, expect, it } from '@jest/globals';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import type { CallOptions } from '../../../src/ports/cluster.ts';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import type { KubernetesObject, ObjectReference } from '../../../src/ports/kubernetes-object.ts';
import { nothingSeen } from '../../../src/release/session.ts';
import type { Observes, Strategy } from '../../../src/strategies/strategy.ts';
import { inProgress } from './record/records.ts';
import { webObjects } from './release-world.ts';
import { released, scriptedRelease, wait } from './scripted-release.ts';

const { signal } = new AbortController();
const options = { signal };
const [live] = webObjects('v1') as [Workload];
const revisions = [webObjects('v1'), webObjects('v2')];
const decisions = [released];

describe('the time of a phase', () => {
  it('goes on from what was written', async () => {
    const { session, clock } = await scriptedRelease({ decisions });
    await session.saveCurrent({ phaseSpentMs: 7000 }, options);
    await clock.sleep(3000, options);
    expect(session.phaseMs).toBe(7000);
    await session.observe(options);
    expect(session.phaseMs).toBe(10_000);

    await session.saveCurrent({}, options);

    expect(session.current.phaseSpentMs).toBe(10_000);
    expect(session.phaseMs).toBe(10_000);
  });

  it('does not have what a write takes', async () => {
    const { session, clock, cluster } = await scriptedRelease({ decisions });
    const replace = cluster.replace.bind(cluster);
    cluster.replace = async (object, given) => {
      await clock.sleep(30_000, options);
      return replace(object, given);
    };

    await session.saveCurrent({}, options);
    await session.observe(options);

    expect(session.phaseMs).toBe(0);
  });

  it('does not have what reading the record again takes', async () => {
    const { session, clock, cluster } = await scriptedRelease({ decisions });
    const get = cluster.get.bind(cluster);
    cluster.get = async <O>(reference: ObjectReference, given: CallOptions) => {
      await clock.sleep(70_000, options);
      return get(reference, given) as O;
    };

    await session.reload(options);
    await session.observe(options);

    expect(session.phaseMs).toBe(0);
  });

  it.each([
    [5000, 5000],
    [5001, 0],
  ])('has what a look at a held Deployment takes (%i ms) only while the API answers', async (ms, counted) => {
    const { session, clock, cluster } = await held();
    const get = cluster.get.bind(cluster);
    cluster.get = async <O>(reference: ObjectReference, given: CallOptions) => {
      if (reference.kind === 'Deployment') await clock.sleep(ms, options);
      return get(reference, given) as O;
    };
    await session.observe(options);

    await session.observe({ signal });

    expect(session.phaseMs).toBe(counted);
  });

  it('is not known to pass while the API does not answer', async () => {
    const { session, clock, cluster } = await scriptedRelease({
      ...{ decisions, revisions, observes: { workloadsOf: 2 } },
    });
    await session.observe(options);
    cluster.before = () => {
      throw new UnreachableError('connection refused');
    };
    await clock.sleep(20_000, options);

    expect((await session.observe(options)).type).toBe('unknown');

    expect(session.phaseMs).toBe(0);
    expect(session.unansweredMs).toBe(20_000);
    await session.close();
  });
});

/** A release that holds its Deployment, which is there. */
async function held(observes: Observes = { holding: 'seen' }) {
  const made = await scriptedRelease({
    ...{ decisions, revisions, observes },
    strategy: { parts: () => ({ deployment: live }) },
  });
  await made.cluster.apply(live, options);
  made.cluster.calls.length = 0;
  return made;
}

describe('what is observed of a release', () => {
  it('is nothing where its strategy wants to see nothing', async () => {
    const { session, cluster } = await scriptedRelease({ decisions });

    expect(await session.observe(options)).toEqual(nothingSeen);
    expect(cluster.calls).toEqual([]);
  });

  it('is the Deployment that it holds, whose manifest is read once', async () => {
    const { session, cluster } = await held();

    const observed = await session.observe(options);
    await session.observe(options);

    expect(observed).toMatchObject({ type: 'seen', holding: { deployment: { desired: 3 } } });
    expect(observed).not.toHaveProperty('holding.changesPods');
    expect(cluster.calls.filter((call) => call === 'get ConfigMap/slipway-release-web.2')).toHaveLength(1);
    expect(cluster.calls.some((call) => call.endsWith('web.1'))).toBe(false);
  });

  it('is of the revision that is in progress by now', async () => {
    const { session, cluster } = await held();
    await session.observe(options);
    await session.saveCurrent({ revision: 1 }, options);

    await session.observe(options);

    expect(cluster.calls).toContain('get ConfigMap/slipway-release-web.1');
  });

  it('is whether it changes pods, where its strategy compares', async () => {
    const { session } = await held({ holding: 'compared' });

    expect(await session.observe(options)).toMatchObject({ holding: { changesPods: false } });
  });

  it('compares what another client has written with what earlier revisions said', async () => {
    const { session, cluster } = await held({ holding: 'compared' });
    const fieldsV1 = { 'f:spec': { 'f:paused': {} } };
    const managedFields = [{ manager: 'dashboard', operation: 'Update', fieldsType: 'FieldsV1', fieldsV1 }];
    const get = cluster.get.bind(cluster);
    cluster.get = async <O extends KubernetesObject>(reference: ObjectReference, given: CallOptions) => {
      const found = await get<Workload>(reference, given);
      if (found?.kind !== 'Deployment') return found as O | undefined;
      const { metadata, spec } = found;
      return {
        ...found,
        metadata: { ...metadata, managedFields },
        spec: { ...spec, paused: false },
      } as unknown as O;
    };

    await session.observe(options);

    expect(cluster.calls).toContain('get ConfigMap/slipway-release-web.1');
  });

  it.each<[string, Partial<Strategy>]>([
    ['finds none to hold', { parts: () => undefined }],
    ['holds none', {}],
  ])('is no Deployment where its strategy %s', async (_, strategy) => {
    const { session } = await scriptedRelease({
      ...{ decisions, revisions, observes: { holding: 'seen' }, strategy },
    });

    expect(await session.observe(options)).toEqual(nothingSeen);
  });

  it('is nothing of the Deployment while nothing is known of its pods', async () => {
    const { session, cluster, clock } = await held({ workloadsOf: 2, holding: 'seen' });
    await session.observe(options);
    cluster.before = () => {
      throw new UnreachableError('connection refused');
    };
    await clock.sleep(20_000, options);

    expect(await session.observe(options)).toEqual({ type: 'unknown', reason: 'connection refused' });
    await session.close();
  });

  it('is followed by the same watches, until another revision is followed', async () => {
    let followed = 2;
    const { session, cluster } = await scriptedRelease({
      ...{ decisions, revisions, strategy: { observes: () => ({ workloadsOf: followed }) } },
    });
    const until: AbortSignal[] = [];
    const watch = cluster.watch.bind(cluster);
    cluster.watch = (kind, selection, given) => {
      until.push(given.signal);
      return watch(kind, selection, given);
    };
    await session.observe(options);
    await session.observe(options);
    expect(until.map(({ aborted }) => aborted)).toEqual([false]);

    followed = 1;
    await session.observe(options);
    expect(until.map(({ aborted }) => aborted)).toEqual([true, false]);

    await session.close();
    expect(until.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});

describe('what a strategy decides from', () => {
  it('has the analyses of the release and what they have measured', async () => {
    const seen: unknown[] = [];
    const strategy: Partial<Strategy> = {
      decide({ analyses }) {
        seen.push(analyses);
        return released;
      },
    };
    const errors = { http: { path: '/' } };
    const samples = { 'step 2: errors': [{ verdict: 'passed', text: '[0]', atMs: 5 }] } as const;
    const plain = await scriptedRelease({ decisions, strategy });
    const analysed = await scriptedRelease({
      ...{ decisions, strategy, settings: { analyses: { errors } as never } },
      record: { current: { ...inProgress(2, 1), samples: { ...samples } as never } },
    });

    for (const { session } of [plain, analysed]) session.decide(nothingSeen);

    expect(seen).toEqual([
      { settings: {}, samples: {} },
      { settings: { errors }, samples },
    ]);
  });
});

describe('a wait of a release', () => {
  const spent = async (observes: Observes, ms: number, change = false) => {
    const { session, clock, cluster } = await scriptedRelease({ decisions, revisions, observes });
    await session.observe(options);
    await session.observe(options);
    const begunMs = clock.monotonicMs();
    const changed = session.changed(ms, options);
    if (change) cluster.put(live);
    await changed;
    await session.close();
    return clock.monotonicMs() - begunMs;
  };

  it('ends when its time has come, where nothing is followed', async () => {
    expect(await spent({}, 3000)).toBe(3000);
  });

  it('ends a moment after a change, so that a burst of them counts as one', async () => {
    expect(await spent({ workloadsOf: 2 }, 3000, true)).toBe(200);
    expect(await spent({ workloadsOf: 2 }, 50, true)).toBe(50);
  });

  it('ends at the latest a moment after its time', async () => {
    expect(await spent({ workloadsOf: 2 }, 3000)).toBe(3200);
  });
});

describe('the reports of a release', () => {
  it('say the same once', async () => {
    const { session, told } = await scriptedRelease({ decisions: [wait(1)] });
    await session.report('waiting', nothingSeen);
    await session.report('waiting', { type: 'unknown', reason: 'no answer' });
    await session.report('done', nothingSeen);
    await session.saveCurrent({ state: { phase: 'next' } }, options);
    await session.report('done', nothingSeen);

    expect(told).toEqual(['applying: waiting', 'applying: done', 'next: done']);
  });

  it('say it again when the pods have changed', async () => {
    const { session, cluster } = await scriptedRelease({
      ...{ decisions, revisions, observes: { workloadsOf: 2 } },
    });
    const shown: number[] = [];
    session.ports.report.progress = async (_phase, _message, tracks) => void shown.push(tracks.length);
    const { uid } = cluster.put({ ...live, status: { observedGeneration: 1 } }).metadata;
    await session.report('waiting', await session.observe(options));
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: uid ?? '' };
    const metadata = { name: 'web-1', namespace: 'shop', labels: { app: 'web' }, ownerReferences: [owner] };
    const { template } = live.spec;
    cluster.put({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata, spec: { replicas: 1, template } });
    await session.changed(1000, options);

    await session.report('waiting', await session.observe(options));

    expect(shown).toEqual([0, 1]);
    await session.close();
  });

  it('are known by their words', async () => {
    const { session } = await scriptedRelease({ decisions });
    expect(session.hasJustReported('pods crash')).toBe(false);
    await session.report('waiting: pods crash', nothingSeen);
    expect(session.hasJustReported('pods crash')).toBe(true);

    await session.report('waiting', nothingSeen);

    expect(session.hasJustReported('pods crash')).toBe(false);
  });
});
