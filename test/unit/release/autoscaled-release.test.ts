import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { replicas, requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

beforeEach(() => {
  // The controller writes its status first: it has seen the new count when it has not yet made the pods.
  world = new World(
    (image) => (image.includes('bad') ? 'crash' : 'ready'),
    (count) => count - 1,
  );
});

afterEach(() => {
  world.close();
});

const autoscaler: KubernetesObject = {
  apiVersion: 'autoscaling/v1',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', namespace: 'shop', labels: { 'slipway.dev/application': 'web' } },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 9 },
};

const live = () =>
  world.cluster.peek<Workload>({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
  })!;

const images = () =>
  world.cluster.all<Workload>('Pod').map(({ spec }) => {
    const { containers } = spec as unknown as { containers: { image: string }[] };
    return containers[0]?.image;
  });

/** What the autoscaler does when the load changes. */
function scale(count: number): void {
  world.cluster.put({ ...live(), spec: { ...live().spec, replicas: count } });
}

function release(image: string, runId: string) {
  const [deployment] = webObjects(image) as [Workload];
  const template = structuredClone(deployment.spec.template!);
  // With a probe a pod that is ready is proven at once: nothing else delays the end of the rollout.
  template.spec.containers[0]!.readinessProbe = {};
  const objects = [autoscaler, { ...deployment, spec: { ...deployment.spec, template } }];
  return releaseObjects(requestOf(objects, runId), world, { signal });
}

/** Releases an image, and scales as soon as `when` holds for the images of the pods. */
async function releaseWhileScaling(image: string, to: number, when: (images: unknown[]) => boolean) {
  const stop = new AbortController();
  const scaling = (async () => {
    while (!stop.signal.aborted && !when(images())) {
      await world.clock.sleep(50, { signal: stop.signal }).catch(() => undefined);
    }
    if (!stop.signal.aborted) scale(to);
  })();
  try {
    return await release(image, 'run-2');
  } finally {
    stop.abort();
    await scaling;
  }
}

describe('an autoscaler that acts in the middle of a rollout', () => {
  it.each([
    ['more', 7, 'the first new pod is there', (pods: unknown[]) => pods.includes('v2')],
    ['more', 7, 'the last old pod is gone', (pods: unknown[]) => !pods.includes('v1')],
    ['fewer', 2, 'the first new pod is there', (pods: unknown[]) => pods.includes('v2')],
  ])(
    'has the pods that it wants before the release is done: %s (%i) when %s',
    async (_more, to, _when, when) => {
      await release('v1', 'run-1');
      world.watchCapacity();

      const result = await releaseWhileScaling('v2', to, when);

      expect(result.outcome).toBe('released');
      expect(images()).toEqual(Array.from({ length: to }, () => 'v2'));
      expect(world.deployments.available()).toBe(to);
      expect(world.fewest).toBeGreaterThanOrEqual(Math.min(replicas, to));
    },
  );

  it('keeps its count when the new version is rolled back', async () => {
    await release('v1', 'run-1');
    world.watchCapacity();

    const result = await releaseWhileScaling('bad', 7, (pods) => pods.includes('bad'));

    expect(result.outcome).toBe('rolledBack');
    expect(live().spec.replicas).toBe(7);
    expect(images()).toEqual(Array.from({ length: 7 }, () => 'v1'));
    expect(world.fewest).toBeGreaterThanOrEqual(replicas);
  });
});
