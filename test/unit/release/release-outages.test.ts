import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { ReleaseResult } from '../../../src/release/reconcile.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { readingMethods, requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();

const configuration = (name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop', labels: { 'slipway.dev/application': 'web' } },
  data: { name },
});

/** Phases that may take less than an outage lasts. */
const timeoutMs = 30_000;

type Outage = (call: { method: string; reads: number; atMs: number }) => boolean;

interface End {
  result: ReleaseResult;
  image: string | undefined;
  reads: number;
  seconds: number;
}

/** Releases v1, then v2 (which crashes, if asked) through an API that is silent as told; how that ended. */
async function releaseThrough(outage: Outage, { crashes = false, answerMs = 0 } = {}): Promise<End> {
  const world = new World((image) => (image === 'v2' && crashes ? 'crash' : 'ready'));
  try {
    world.cluster.unserved.add('autoscaling/v2/HorizontalPodAutoscaler');
    await releaseObjects(requestOf(webObjects('v1', [configuration('gone')]), 'run-1'), world, { signal });
    let reads = 0;
    const { clock, report } = world;
    const begunMs = clock.monotonicMs();
    const cluster = world.unreliable((call) => {
      reads = call.reads;
      return outage({ ...call, atMs: clock.monotonicMs() });
    }, answerMs);
    const request = requestOf(webObjects('v2'), 'run-2', { prune: true, timeoutMs });
    const result = await releaseObjects(
      request,
      { cluster, leases: leasesOn(cluster, clock), clock, report },
      { signal },
    );
    const [deployment] = world.cluster.all<Workload>('Deployment');
    const image = deployment?.spec.template?.spec.containers[0]?.image;
    expect(world.cluster.all('ConfigMap').some(({ metadata }) => metadata.name === 'gone')).toBe(
      result.outcome !== 'released',
    );
    return { result, image, reads, seconds: (clock.monotonicMs() - begunMs) / 1000 };
  } finally {
    world.close();
  }
}

const once =
  (at: number): Outage =>
  ({ method, reads }) =>
    reads === at && readingMethods.includes(method);

/** From this read on, for 60 s. */
function stretch(at: number, methods: 'reads' | 'all'): Outage {
  let beganMs: number | undefined;
  return ({ method, reads, atMs }) => {
    if (reads >= at) beganMs ??= atMs;
    if (beganMs === undefined || atMs >= beganMs + 60_000) return false;
    return methods === 'all' || method === 'watch' || readingMethods.includes(method);
  };
}

/** From this moment of the release on, for 60 s; watches say nothing either. */
function outageAfter(ms: number): Outage {
  let beganMs: number | undefined;
  return ({ atMs }) => {
    beganMs ??= atMs;
    return atMs >= beganMs + ms && atMs < beganMs + ms + 60_000;
  };
}

const all = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe.each([
  ['a healthy version', false, 'released', 'v2'],
  ['a version that crashes', true, 'rolledBack', 'v1'],
] as const)('%s', (_, crashes, outcome, served) => {
  const usual = () => releaseThrough(() => false, { crashes });

  it.each([
    ['answered by 503', 0],
    ['unanswered for 20 s', 20_000],
  ])(
    'ends as it would have when a single read is %s',
    async (_what, answerMs) => {
      const expected = await usual();
      expect(expected).toMatchObject({ result: { outcome }, image: served });
      expect(expected.reads).toBeGreaterThanOrEqual(8);

      for (const at of all(expected.reads)) {
        const end = await releaseThrough(once(at), { crashes, answerMs });

        expect({ at, result: end.result, image: end.image }).toEqual({
          at,
          result: expected.result,
          image: served,
        });
      }
    },
    120_000,
  );

  it.each(['reads', 'all'] as const)(
    'ends as it would have when %s are unanswered for 60 s',
    async (methods) => {
      const expected = await usual();

      for (const at of all(expected.reads)) {
        const end = await releaseThrough(stretch(at, methods), { crashes, answerMs: 3000 });

        expect({ at, result: end.result, image: end.image }).toEqual({
          at,
          result: expected.result,
          image: served,
        });
        expect(end.seconds).toBeGreaterThan(50);
      }
    },
    120_000,
  );

  it('ends as it would have when nothing is answered for 60 s from any half second on', async () => {
    const expected = await usual();

    for (let ms = 0; ms < expected.seconds * 1000 - 500; ms += 500) {
      const end = await releaseThrough(outageAfter(ms), { crashes, answerMs: 3000 });

      expect({ ms, result: end.result, image: end.image }).toEqual({
        ms,
        result: expected.result,
        image: served,
      });
    }
  }, 120_000);
});

describe('an API that stays away', () => {
  it('leaves the release where it stands, and another runner ends it', async () => {
    const world = new World(() => 'ready');
    try {
      await releaseObjects(requestOf(webObjects('v1'), 'run-1'), world, { signal });
      const { clock, report } = world;
      let isAway = false;
      const cluster = world.unreliable(() => isAway);
      const told = {
        ...report,
        progress: async (phase: string) => void (isAway ||= phase === 'progressing'),
      };
      const request = requestOf(webObjects('v2'), 'run-2', { timeoutMs });

      await expect(
        releaseObjects(
          request,
          { cluster, leases: leasesOn(cluster, clock), clock, report: told },
          { signal },
        ),
      ).rejects.toMatchObject({
        name: 'UnreachableError',
        hint: expect.stringContaining('pipeline release resume web'),
      });

      const result = await releaseObjects(request, world, { signal });
      expect(result).toMatchObject({ outcome: 'released', revision: 2 });
    } finally {
      world.close();
    }
  }, 60_000);
});

describe('a wall clock that jumps', () => {
  it.each([3_600_000, -3_600_000])('by %i ms decides nothing', async (jumpMs) => {
    const world = new World(() => 'ready');
    try {
      await releaseObjects(requestOf(webObjects('v1'), 'run-1'), world, { signal });
      const { clock, cluster } = world;
      const report = {
        ...world.report,
        progress: async (phase: string) => {
          if (phase === 'progressing') clock.wallShiftMs = jumpMs;
        },
      };

      const result = await releaseObjects(
        requestOf(webObjects('v2'), 'run-2', { timeoutMs }),
        { cluster, leases: leasesOn(cluster, clock), clock, report },
        { signal },
      );

      expect(result.outcome).toBe('released');
    } finally {
      world.close();
    }
  });
});
