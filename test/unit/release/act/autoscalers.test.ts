import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { autoscaledWorkloads } from '../../../../src/release/act/autoscalers.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };

function workload(kind = 'Deployment', name = 'web', namespace?: string): KubernetesObject {
  return {
    ...{ apiVersion: 'apps/v1', kind, metadata: namespace === undefined ? { name } : { name, namespace } },
    spec: {},
  };
}

function autoscaler(name: string, kind = 'Deployment', namespace = 'shop', version = 'v2'): KubernetesObject {
  return {
    apiVersion: `autoscaling/${version}`,
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: `${kind}-${name}`, namespace },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind, name } },
  };
}

const web = workload('Deployment', 'web', 'shop');

describe('the workloads that an autoscaler sets the replicas of', () => {
  it('are those of autoscalers in the cluster and among the objects', async () => {
    const cluster = new FakeCluster();
    cluster.put(autoscaler('web'));
    const api = workload('Deployment', 'api', 'shop');
    const alone = workload('Deployment', 'alone', 'shop');

    const found = await autoscaledWorkloads([web, api, alone, autoscaler('api')], cluster, options);

    expect([...found].sort()).toEqual(['apps/Deployment/shop/api', 'apps/Deployment/shop/web']);
  });

  it('are those of the same kind, name and namespace', async () => {
    const cluster = new FakeCluster();
    cluster.put(autoscaler('web', 'StatefulSet'));
    cluster.put(autoscaler('other'));
    const far = autoscaler('web', 'Deployment', 'far');

    expect([...(await autoscaledWorkloads([web, far], cluster, options))]).toEqual([]);
  });

  it('are looked for in each namespace of the objects once', async () => {
    const cluster = new FakeCluster();
    cluster.put(autoscaler('web', 'Deployment', 'far'));
    const far = workload('Deployment', 'web', 'far');
    const asked: unknown[] = [];
    const list = cluster.list.bind(cluster);
    cluster.list = (...args: Parameters<typeof list>) => {
      asked.push(args[1]);
      return list(...args);
    };

    const found = await autoscaledWorkloads(
      [web, workload('Deployment', 'b', 'shop'), far],
      cluster,
      options,
    );

    expect([...found]).toEqual(['apps/Deployment/far/web']);
    expect(asked).toEqual([{ namespace: 'shop' }, { namespace: 'far' }]);
  });

  it('are looked for in the newest version that the API serves', async () => {
    const cluster = new FakeCluster();
    const asked: string[] = [];
    cluster.before = (_, { apiVersion }) => void asked.push(apiVersion);

    for (const version of ['v2', 'v2beta2', 'v1', 'none']) {
      await autoscaledWorkloads([web], cluster, options);
      cluster.unserved.add(`autoscaling/${version}/HorizontalPodAutoscaler`);
    }

    expect(asked).toEqual(['autoscaling/v2', 'autoscaling/v2beta2', 'autoscaling/v1']);
  });

  it('are not asked for where no object is a workload', async () => {
    const cluster = new FakeCluster();
    let isAsked = false;
    cluster.firstServed = async () => void (isAsked = true);

    expect([...(await autoscaledWorkloads([autoscaler('web')], cluster, options))]).toEqual([]);
    expect(isAsked).toBe(false);
    expect(cluster.calls).toEqual([]);
  });
});
