import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { isReady } from '../../../src/kubernetes/workload-state.ts';
import { ConflictError } from '../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { replicas, requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();
const reference = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' };
let world: World;

beforeEach(() => {
  world = new World((image) => (image.includes('bad') ? 'crash' : 'ready'));
});

afterEach(() => {
  world.close();
});

type Labels = Record<string, string>;

/** A Service before the Deployment of {@link webObjects} whose pods have `labels` more. */
function objects(image: string, selector: Labels, labels: Labels = {}): KubernetesObject[] {
  const [deployment] = webObjects(image) as [Workload];
  const template = deployment.spec.template!;
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', labels: { 'slipway.dev/application': 'web' } },
    spec: { selector, ports: [{ name: 'http', port: 80 }] },
  };
  const changed = { ...template, metadata: { labels: { app: 'web', ...labels } } };
  return [service, { ...deployment, spec: { ...deployment.spec, template: changed } }];
}

const selector = () =>
  (world.cluster.peek(reference) as unknown as { spec: { selector: Labels } }).spec.selector;

async function endpoints(): Promise<number> {
  const wanted = Object.entries(selector());
  const pods = await world.cluster.list<Workload>(
    { apiVersion: 'v1', kind: 'Pod' },
    { namespace: 'shop' },
    { signal },
  );
  return pods.filter(
    (pod) => isReady(pod) && wanted.every(([key, value]) => pod.metadata.labels?.[key] === value),
  ).length;
}

const release = (wanted: readonly KubernetesObject[], runId: string) =>
  releaseObjects(requestOf(wanted, runId), world, { signal });

/** Releases, and the fewest endpoints that the Service had until the end. */
async function watched(wanted: readonly KubernetesObject[], runId: string) {
  let fewest = Infinity;
  const stop = new AbortController();
  const watching = (async () => {
    while (!stop.signal.aborted) {
      fewest = Math.min(fewest, await endpoints());
      await world.clock.sleep(50, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  const result = await release(wanted, runId);
  stop.abort();
  await watching;
  return { result, fewest: Math.min(fewest, await endpoints()) };
}

describe('a release that changes a selector of a Service', () => {
  it('keeps the old selector until all new pods match the new one', async () => {
    await release(objects('v1', { app: 'web' }), 'run-1');

    const { result, fewest } = await watched(
      objects('v2', { app: 'web', tier: 'a' }, { tier: 'a' }),
      'run-2',
    );

    expect(result.outcome).toBe('released');
    expect(selector()).toEqual({ app: 'web', tier: 'a' });
    expect(fewest).toBeGreaterThanOrEqual(replicas);
  });

  it('takes a label from the selector before the pods lose it', async () => {
    await release(objects('v1', { app: 'web', tier: 'a' }, { tier: 'a' }), 'run-1');

    const { fewest } = await watched(objects('v2', { app: 'web' }), 'run-2');

    expect(selector()).toEqual({ app: 'web' });
    expect(fewest).toBeGreaterThanOrEqual(replicas);
  });

  it('leaves the selector as it was when the new version fails', async () => {
    await release(objects('v1', { app: 'web' }), 'run-1');

    const { result, fewest } = await watched(
      objects('bad', { app: 'web', tier: 'a' }, { tier: 'a' }),
      'run-2',
    );

    expect(result.outcome).toBe('rolledBack');
    expect(selector()).toEqual({ app: 'web' });
    expect(fewest).toBeGreaterThanOrEqual(replicas);
  });

  it('is refused with nothing changed when no selector fits the pods of before and after', async () => {
    await release(objects('v1', { app: 'web', tier: 'a' }, { tier: 'a' }), 'run-1');
    const revisions = await world.cluster.list(
      { apiVersion: 'v1', kind: 'ConfigMap' },
      { namespace: 'shop' },
      { signal },
    );

    await expect(
      release(objects('v2', { app: 'web', tier: 'b' }, { tier: 'b' }), 'run-2'),
    ).rejects.toMatchObject({
      code: 'service-selector',
      hint: expect.stringMatching(/two steps/),
    });

    expect(selector()).toEqual({ app: 'web', tier: 'a' });
    await expect(
      world.cluster.list({ apiVersion: 'v1', kind: 'ConfigMap' }, { namespace: 'shop' }, { signal }),
    ).resolves.toEqual(revisions);
  });

  it('fails and rolls back when another manager owns the selector by then', async () => {
    await release(objects('v1', { app: 'web' }), 'run-1');
    const apply = world.cluster.apply.bind(world.cluster);
    world.cluster.apply = ((object: KubernetesObject, options: Parameters<typeof apply>[1]) => {
      const isSwitch = object.kind === 'Service' && JSON.stringify(object).includes('tier');
      const error = new ConflictError(
        'Apply failed with 1 conflict: conflict with "kubectl": .spec.selector',
      );
      return isSwitch ? Promise.reject(error) : apply(object, options);
    }) as typeof apply;

    const result = await release(objects('v2', { app: 'web', tier: 'a' }, { tier: 'a' }), 'run-2');

    expect(result).toMatchObject({
      outcome: 'rolledBack',
      reason: expect.stringMatching(/applying revision 2 failed: Service shop\/web: .*\.spec\.selector/),
    });
  });
});
