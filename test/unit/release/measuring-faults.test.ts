import { afterEach, describe, expect, it } from '@jest/globals';
import type { AnalysesByName } from '../../../src/analysis/settings.ts';
import type { CallOptions } from '../../../src/ports/cluster.ts';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import type { Measured } from '../../../src/ports/measurements.ts';
import { answerRelease } from '../../../src/release/answer.ts';
import { releaseObjects, type ReleaseObjectsRequest } from '../../../src/release/release.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { liveState, servedObjects } from './blue-green-world.ts';
import { recordOf, releaseThrough } from './release-courses.ts';
import { replicas, requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
const good: Measured = { type: 'value', value: [0], text: '[0]' };
let world: World;

afterEach(() => {
  world.close();
});

const analyses: AnalysesByName = {
  errors: {
    prometheus: { address: 'http://prometheus:9090', query: 'errors' },
    ...{ success: 'result[0] < 0.01', interval: '1s', count: 3 },
  },
};
const strategies = [
  ['canary', { steps: [{ replicas: 1 }, { analysis: 'errors' }] }],
  ['blueGreen', { scaleDownDelay: '2s', prePromotion: 'errors' }],
] as const;

function requestFor(
  image: string,
  runId: string,
  [name, strategy]: readonly [string, object],
): ReleaseObjectsRequest {
  const request = requestOf(servedObjects(image), runId, { strategy: name });
  return { ...request, settings: { ...request.settings, strategy: { ...strategy }, analyses } };
}

describe.each(strategies)('while a %s release is measured', (...chosen) => {
  /** v1 is released; what the second measurement of v2 meets. */
  async function worldMeeting(second: (options: CallOptions) => Promise<Measured>): Promise<void> {
    world = new World(() => 'ready');
    await releaseThrough(world, requestFor('v1', 'run-1', chosen));
    let asked = 0;
    world.measurements = {
      measure: (_, options) => (++asked === 2 ? second(options) : Promise.resolve(good)),
    };
  }

  const release = (of: AbortSignal = signal) => {
    const { cluster, clock, measurements, report } = world;
    const ports = { cluster, leases: leasesOn(cluster, clock), clock, measurements, report };
    return releaseObjects(requestFor('v2', 'run-2', chosen), ports, { signal: of });
  };

  const hang = ({ signal: of }: CallOptions) =>
    new Promise<never>((_, reject) => of.addEventListener('abort', () => reject(of.reason as Error)));

  it('a run that is cancelled rolls it back within 20 s, though the measurement does not end', async () => {
    const cancelled = new AbortController();
    let atMs = 0;
    await worldMeeting((options) => {
      atMs = world.clock.monotonicMs();
      setImmediate(() => cancelled.abort(new Error('cancelled')));
      return hang(options);
    });

    await expect(release(cancelled.signal)).rejects.toThrow('cancelled');

    expect(world.clock.monotonicMs() - atMs).toBeLessThan(20_000);
    expect(liveState(world)).toMatchObject({ image: 'v1', isHeld: false, services: ['web'] });
    expect(recordOf(world).current).toBeUndefined();
  });

  it('a runner that loses its lease writes nothing more', async () => {
    const lost = new AbortController();
    let written = '';
    await worldMeeting((options) => {
      written = JSON.stringify(recordOf(world));
      setImmediate(() => lost.abort(new LeaseLostError('resumed elsewhere')));
      return hang(options);
    });

    await expect(release(lost.signal)).rejects.toBeInstanceOf(LeaseLostError);

    expect(JSON.stringify(recordOf(world))).toBe(written);
    expect((await releaseThrough(world, requestFor('v2', 'run-2', chosen)))?.outcome).toBe('released');
  });

  it('a runner whose record another one has written meanwhile writes no sample', async () => {
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
    await worldMeeting(async (options) => {
      const map = (await world.cluster.get(reference, options)) as unknown as { data: { record: string } };
      const record = JSON.parse(map.data.record) as { current: object };
      const data = {
        record: JSON.stringify({ ...record, current: { ...record.current, owner: 'another' } }),
      };
      await world.cluster.replace({ ...(map as object), data } as never, options);
      return good;
    });

    await expect(release()).rejects.toBeInstanceOf(LeaseLostError);

    expect(recordOf(world).current?.owner).toBe('another');
    expect(Object.values(recordOf(world).current?.samples ?? {}).flat()).toHaveLength(1);
  });

  it('a person who aborts it is heard when the measurement has ended', async () => {
    await worldMeeting(async () => {
      const request = { cluster: world.cluster, application: 'web', namespace: 'shop' };
      await answerRelease({ ...request, answer: 'abort' }, { signal });
      return good;
    });

    expect(await release()).toMatchObject({ outcome: 'rolledBack', reason: 'aborted by a person' });
    expect(liveState(world)).toMatchObject({ image: 'v1', isHeld: false });
  });

  it('an API that is away decides nothing', async () => {
    await worldMeeting(() => Promise.reject(new UnreachableError('no answer')));

    expect(await release()).toMatchObject({ outcome: 'released' });
    expect(world.told).toContain('info: analysis errors, measurement 2 of 3: could not be taken: no answer');
  });

  it.each([
    [5, { outcome: 'released' }, 'v2'],
    [0, { outcome: 'rolledBack', reason: 'somebody scaled Deployment web to 0' }, 'v1'],
  ])('a Deployment that is scaled to %d pods ends whole', async (count, end, image) => {
    await worldMeeting(async () => {
      const { deployment } = liveState(world);
      world.cluster.put({ ...deployment!, spec: { ...deployment!.spec, replicas: count } });
      return good;
    });

    expect(await release()).toMatchObject(end);
    expect(liveState(world)).toMatchObject({ image, isHeld: false });
    expect(world.deployments.available()).toBe(count);
  });

  it('new pods that are deleted come again', async () => {
    await worldMeeting(async () => {
      const { name } = world.cluster.all('Pod').at(-1)!.metadata;
      const pod = { apiVersion: 'v1', kind: 'Pod', name, namespace: 'shop' };
      await world.cluster.delete(pod, { signal });
      return { type: 'error', reason: 'the pod is gone' };
    });

    expect(await release()).toMatchObject({ outcome: 'released' });
    expect(world.deployments.available()).toBe(replicas);
  });
});
