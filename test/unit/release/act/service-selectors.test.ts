import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import {
  assertSelectable,
  selectorRefusals,
  ServiceSelectorError,
  servicesToSelect,
  withHeldSelectors,
} from '../../../../src/release/act/service-selectors.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };
type Labels = Record<string, string>;

function service(selector: Labels | undefined, change: object = {}): KubernetesObject {
  const metadata = { name: 'web', namespace: 'shop' };
  const spec = selector === undefined ? { type: 'ClusterIP' } : { selector, ports: [{ port: 80 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec, ...change };
}

function pod(name: string, labels: Labels, ready = true, namespace = 'shop'): KubernetesObject {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  const metadata = { name, namespace, labels };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] }, status: { conditions } };
}

function deployment(labels: Labels | undefined, name = 'web', namespace = 'shop'): KubernetesObject {
  const template = { ...(labels === undefined ? {} : { metadata: { labels } }), spec: { containers: [] } };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec: { template } },
  };
}

const old = { app: 'web' };
const next = { app: 'web', track: 'new' };

/** A cluster with the Service, a ready pod of before, and the Deployment. */
function running(...more: KubernetesObject[]): FakeCluster {
  const cluster = new FakeCluster();
  for (const object of [service(old), pod('web-1', old), deployment(old), ...more]) cluster.put(object);
  return cluster;
}

describe('a Service that is applied before the new pods are there', () => {
  const held = (objects: KubernetesObject[], cluster: FakeCluster) =>
    withHeldSelectors(objects, cluster, options);

  it('keeps its live selector while pods serve that the new one leaves out, and gets all else', async () => {
    const wanted = service(next, { metadata: { name: 'web', namespace: 'shop', labels: { team: 'shop' } } });
    const other = deployment(next);

    expect(await held([wanted, other], running())).toEqual([
      { ...wanted, spec: { selector: old, ports: [{ port: 80 }] } },
      other,
    ]);
  });

  it('gets the new one where all pods that serve match it', async () => {
    const cluster = running();
    cluster.put(pod('web-1', next));

    expect(await held([service(next)], cluster)).toEqual([service(next)]);
  });

  it.each([
    ['are not ready', pod('web-1', old, false)],
    ['are not there', pod('other', { app: 'other' })],
    ['are in another namespace', pod('web-1', old, true, 'far')],
  ])('gets the new one where pods of before %s', async (_, found) => {
    const cluster = new FakeCluster();
    cluster.put(service(old));
    cluster.put(found);

    expect(await held([service(next)], cluster)).toEqual([service(next)]);
  });

  it('keeps the selector when one of several pods would be left out', async () => {
    const cluster = running(pod('web-2', next));

    expect(await held([service(next)], cluster)).toMatchObject([{ spec: { selector: old } }]);
  });

  it('is asked for only where its selector may change', async () => {
    const cluster = running();
    const same = service({ ...old });
    const external = service(next, { spec: { selector: next, type: 'ExternalName' } });
    const objects = [
      same,
      service(undefined),
      service({}),
      external,
      service(next, { kind: 'Backend' }),
      service(next, { apiVersion: 'serving.knative.dev/v1' }),
      service(next, { spec: undefined }),
    ];

    expect(await held(objects, cluster)).toEqual(objects);
    expect(cluster.calls).toEqual(['get Service/web']);
  });

  it('is new where nothing is there, or what is there selects nothing', async () => {
    expect(await held([service(next)], new FakeCluster())).toEqual([service(next)]);
    const cluster = running();
    cluster.put(service(undefined));
    expect(await held([service(next)], cluster)).toEqual([service(next)]);
  });

  it('asks for no pods of a Service without a namespace', async () => {
    const cluster = new FakeCluster();
    const bare = (selector: Labels) => service(selector, { metadata: { name: 'web' } });
    cluster.put(bare(old));
    cluster.put({ ...pod('web-1', old), metadata: { name: 'web-1', labels: old } });

    expect(await held([bare(next)], cluster)).toEqual([bare(next)]);
    expect(cluster.calls).toEqual(['get Service/web']);
  });
});

describe('the Services that get their selector when the new pods are available', () => {
  it('are those whose live selector is another', async () => {
    const cluster = running();
    const more = service(next);
    const fewer = service({ tier: 'x' });

    expect(await servicesToSelect([more, deployment(next)], cluster, options)).toEqual([more]);
    expect(await servicesToSelect([fewer], cluster, options)).toEqual([fewer]);
    expect(await servicesToSelect([service(old)], cluster, options)).toEqual([]);
    cluster.put(service(next));
    expect(await servicesToSelect([service(old)], cluster, options)).toEqual([service(old)]);
  });
});

describe('a release that would leave a Service without endpoints', () => {
  const renamed = { app: 'shop' };
  const objects = [service(renamed), deployment(renamed)];

  it('is refused, with what to do', async () => {
    const [refusal, ...more] = await selectorRefusals(objects, running(), options);

    expect(more).toEqual([]);
    expect(refusal?.service).toBe(objects[0]);
    expect(refusal?.error).toMatchObject({
      code: 'service-selector',
      fault: 'failure',
      message:
        'Service shop/web: its selector changes from app=web to app=shop together with the pod labels of Deployment shop/web; no selector matches the pods of before and after, so requests would fail',
      hint: expect.stringMatching(/^release in two steps/),
    });
    await expect(assertSelectable(objects, running(), options)).rejects.toThrow(ServiceSelectorError);
  });

  it('is refused once for a Service, whatever the number of workloads', async () => {
    const second = deployment(renamed, 'web-2');
    const cluster = running(deployment(old, 'web-2'));

    expect(await selectorRefusals([...objects, second], cluster, options)).toHaveLength(1);
  });

  it.each<[string, KubernetesObject[]]>([
    ['its selector stays', [service(old), deployment(renamed)]],
    ['the new pods match the old selector, too', [service(next), deployment(next)]],
    ['the workload is of another namespace', [service(renamed), deployment(renamed, 'web', 'far')]],
    ['the workload is new', [service(renamed), deployment(renamed, 'new')]],
    ['the workload never served by it', [service(renamed), deployment(renamed, 'other')]],
  ])('is not refused where %s', async (_, wanted) => {
    const cluster = running(deployment({ app: 'other' }, 'other'), deployment(old, 'web', 'far'));

    expect(await selectorRefusals(wanted, cluster, options)).toEqual([]);
    await assertSelectable(wanted, cluster, options);
  });

  it('is not refused for a workload whose pods had no labels', async () => {
    const cluster = running(deployment(undefined, 'bare'));

    expect(await selectorRefusals([service(renamed), deployment(renamed, 'bare')], cluster, options)).toEqual(
      [],
    );
  });

  it('is refused for pods that have no labels any more', async () => {
    const wanted = [service(renamed), deployment(undefined)];

    expect(await selectorRefusals(wanted, running(), options)).toHaveLength(1);
  });
});
