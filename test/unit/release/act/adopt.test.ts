import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { adoptable } from '../../../../src/release/act/adopt.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };
const labels = { app: 'web' };

function template(image: string, hash?: string) {
  const found = hash === undefined ? labels : { ...labels, 'pod-template-hash': hash };
  return { metadata: { labels: found }, spec: { containers: [{ name: 'web', image }] } };
}

function workload(kind: string, image: string, spec: object = {}, metadata: object = {}): KubernetesObject {
  const apiVersion = kind === 'Job' ? 'batch/v1' : kind === 'Pod' ? 'v1' : 'apps/v1';
  return {
    ...{ apiVersion, kind, metadata: { name: 'web', namespace: 'shop', ...metadata } },
    spec: { selector: { matchLabels: labels }, template: template(image), ...spec },
  };
}

/** A ReplicaSet of the Deployment `owner`. */
function set(image: string, hash: string, available: number, owner?: string): KubernetesObject {
  const owners = owner === undefined ? {} : { ownerReferences: [{ uid: owner }] };
  const metadata = {
    name: `web-${hash}`,
    namespace: 'shop',
    labels: { ...labels, 'pod-template-hash': hash },
  };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { ...metadata, ...owners } },
    spec: { template: template(image, hash) },
    status: { availableReplicas: available },
  } as KubernetesObject;
}

const adopt = async (cluster: FakeCluster, object: KubernetesObject) => adoptable([object], cluster, options);

describe('what a first release adopts', () => {
  it('is nothing that is not there, no Job and no Pod, and nothing that is no workload', async () => {
    const cluster = new FakeCluster();
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' } };
    const objects = [workload('Job', 'v1'), workload('Pod', 'v1'), service];
    for (const object of objects) cluster.put(object);

    expect(await adoptable([...objects, workload('Deployment', 'v1')], cluster, options)).toEqual([]);
  });

  it('is a StatefulSet as it is, with what it needs to be made again', async () => {
    const cluster = new FakeCluster();
    const updateStrategy = { type: 'RollingUpdate' };
    cluster.put(workload('StatefulSet', 'v1', { serviceName: 'web', updateStrategy, replicas: 3 }));

    const [adopted] = await adopt(cluster, workload('StatefulSet', 'v2'));

    expect(adopted).toMatchObject({
      ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'web', namespace: 'shop' } },
      spec: {
        selector: { matchLabels: labels },
        serviceName: 'web',
        updateStrategy,
        template: template('v1'),
      },
    });
    expect(adopted?.metadata).toHaveProperty('managedFields');
  });

  it('is a Deployment as it is when all its pods are available', async () => {
    const cluster = new FakeCluster();
    const { uid } = cluster.put(workload('Deployment', 'v1', { replicas: 2 })).metadata;
    cluster.put(set('v1', 'a', 2, uid));
    cluster.put(set('v0', 'z', 9, uid));

    expect((await adopt(cluster, workload('Deployment', 'v2')))[0]?.spec.template).toEqual(template('v1'));
  });

  it('is one pod where the Deployment does not say how many', async () => {
    const cluster = new FakeCluster();
    const { uid } = cluster.put(workload('Deployment', 'v1')).metadata;
    cluster.put(set('v1', 'a', 1, uid));
    cluster.put(set('v0', 'z', 2, uid));

    expect((await adopt(cluster, workload('Deployment', 'v2')))[0]?.spec.template).toEqual(template('v1'));
  });

  it('is the template of the ReplicaSet with most available pods when the Deployment is in trouble', async () => {
    const cluster = new FakeCluster();
    const { uid } = cluster.put(workload('Deployment', 'broken', { replicas: 3 })).metadata;
    cluster.put(set('older', 'x', 1, uid));
    const good = set('good', 'y', 2, uid);
    // An owner of another kind stands beside the Deployment.
    const ownerReferences = [{ uid: 'application' }, ...good.metadata.ownerReferences!];
    cluster.put({ ...good, metadata: { ...good.metadata, ownerReferences } } as KubernetesObject);
    cluster.put(set('broken', 'z', 0, uid));
    cluster.put(set('foreign', 'f', 9, 'another'));
    cluster.put(set('bare', 'g', 9));

    const [adopted] = await adopt(cluster, workload('Deployment', 'v2'));

    expect(adopted?.spec.template).toEqual(template('good'));
  });

  it('is nothing where no pod is available', async () => {
    const cluster = new FakeCluster();
    const { uid } = cluster.put(workload('Deployment', 'broken', { replicas: 3 })).metadata;
    expect(await adopt(cluster, workload('Deployment', 'v2'))).toEqual([]);
    cluster.put(set('broken', 'z', 0, uid));

    expect(await adopt(cluster, workload('Deployment', 'v2'))).toEqual([]);
  });

  it('is what others have not: ReplicaSets of another namespace or other labels are not looked at', async () => {
    const cluster = new FakeCluster();
    const { uid } = cluster.put(workload('Deployment', 'broken', { replicas: 3 })).metadata;
    const far = set('far', 'a', 3, uid);
    cluster.put({ ...far, metadata: { ...far.metadata, namespace: 'far' } });
    const other = set('other', 'b', 3, uid);
    cluster.put({ ...other, metadata: { ...other.metadata, labels: { app: 'other' } } });

    expect(await adopt(cluster, workload('Deployment', 'v2'))).toEqual([]);
  });

  it('is what clients have written of it, and of the rest what pods are made from', async () => {
    const strategies = { strategy: { type: 'RollingUpdate' }, updateStrategy: { type: 'OnDelete' } };
    const live = workload(
      'StatefulSet',
      'v1',
      { serviceName: 'web', replicas: 3, minReadySeconds: 5, revisionHistoryLimit: 10, ...strategies },
      {
        labels: { team: 'shop', 'added-by': 'a controller' },
        annotations: { contact: 'web@example.com', 'added-by': 'a controller' },
        managedFields: [
          {
            ...{ manager: 'kubectl-create', operation: 'Update', fieldsType: 'FieldsV1' },
            fieldsV1: {
              'f:metadata': { 'f:labels': { 'f:team': {} }, 'f:annotations': { 'f:contact': {} } },
              'f:spec': { 'f:minReadySeconds': {}, 'f:replicas': {} },
            },
          },
        ],
      },
    );
    const cluster = new FakeCluster();
    cluster.get = (async () => live) as typeof cluster.get;

    const [adopted] = await adopt(cluster, workload('StatefulSet', 'v2'));

    const { labels: written, annotations } = adopted!.metadata;
    expect({ written, annotations }).toEqual({
      written: { team: 'shop' },
      annotations: { contact: 'web@example.com' },
    });
    expect(adopted?.spec).toEqual({
      ...{ minReadySeconds: 5, selector: { matchLabels: labels }, serviceName: 'web', ...strategies },
      template: template('v1'),
    });
  });
});
