import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../../src/base/defined.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { ConflictError } from '../../../../src/ports/cluster-errors.ts';
import {
  decideReplicas,
  dryRunReplicas,
  withReplicas,
  type ReplicasDecision,
} from '../../../../src/release/act/replicas.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };
const key = 'apps/Deployment/shop/web';

function deployment(replicas?: number, metadata: object = {}): Workload {
  return {
    ...{
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop', ...metadata },
    },
    spec: { ...defined({ replicas }), minReadySeconds: 1 },
  };
}

function decide(wanted: number | undefined, live: Workload | undefined, last?: number, autoscaled = false) {
  const policy = {
    replicas: last === undefined ? {} : { [key]: last },
    autoscaled: new Set(autoscaled ? [key] : []),
  };
  return decideReplicas(deployment(wanted), live, policy);
}

const lastApplied = (replicas: number) => ({
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ spec: { replicas } }) },
});

describe('the replicas of a workload', () => {
  it('are those of the manifest when nothing is there, or nothing is known of it', () => {
    expect(decide(3, undefined)).toEqual({ type: 'manifest' });
    expect(decide(3, deployment())).toEqual({ type: 'manifest' });
    expect(decide(3, deployment(), undefined, true)).toEqual({ type: 'manifest' });
  });

  it('are those of an autoscaler where there is one', () => {
    expect(decide(3, deployment(5), 4, true)).toEqual({ type: 'keep', replicas: 5, setBy: 'its autoscaler' });
    expect(decide(3, deployment(3), 3, true)).toEqual({ type: 'keep', replicas: 3, setBy: 'its autoscaler' });
  });

  it('stay what another client has set until the manifest has another count', () => {
    const kept = { type: 'keep', replicas: 5, setBy: 'another client' };

    expect(decide(3, deployment(5), 3)).toEqual(kept);
    expect(decide(3, deployment(5, lastApplied(3)))).toEqual(kept);
    expect(decide(3, deployment(5), 2)).toEqual({ type: 'take', replicas: 3 });
    expect(decide(3, deployment(5, lastApplied(3)), 2)).toEqual({ type: 'take', replicas: 3 });
    expect(decide(3, deployment(5))).toEqual({ type: 'take', replicas: 3 });
  });

  it('stay what they are where a release shares them between two versions', () => {
    const policy = { replicas: { [key]: 2 }, autoscaled: new Set<string>(), keepsReplicas: true };
    const decide = (wanted: number | undefined) => decideReplicas(deployment(wanted), deployment(5), policy);

    expect(decide(3)).toEqual({ type: 'keep', replicas: 5, setBy: undefined });
    expect(decide(5)).toEqual({ type: 'manifest' });
    expect(decide(undefined)).toEqual({ type: 'manifest' });
  });

  it('need no decision when they are the same', () => {
    expect(decide(3, deployment(3), 2)).toEqual({ type: 'manifest' });
  });

  it('are nobody’s where no manager says that it applied them', () => {
    const managers = (...managedFields: object[]) => deployment(5, { managedFields });

    expect(decide(undefined, managers({ manager: 'slipway' }))).toEqual({ type: 'manifest' });
    expect(decide(undefined, managers({ manager: 'slipway', fieldsV1: {} }))).toEqual({ type: 'manifest' });
    expect(decide(undefined, managers({ manager: 'slipway', fieldsV1: { 'f:spec': {} } }))).toEqual({
      type: 'manifest',
    });
  });
});

describe('a workload that is applied', () => {
  async function prepare(wanted: number | undefined, decision: ReplicasDecision) {
    const cluster = new FakeCluster();
    cluster.put(deployment(5));
    const applied: unknown[] = [];
    const apply = cluster.apply.bind(cluster);
    cluster.apply = ((...args: Parameters<typeof apply>) => {
      applied.push(args);
      return apply(...args);
    }) as typeof cluster.apply;
    const told: string[] = [];
    const notice = async (message: string) => void told.push(message);
    const ready = await withReplicas(deployment(wanted), decision, { cluster, notice }, options);
    return { ready, told, applied };
  }
  const handedOver = (replicas: number) => [
    [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'shop' },
        spec: { replicas },
      },
      { ...options, fieldManager: 'slipway-replicas', force: true },
    ],
  ];

  it('is the manifest where that sets the count', async () => {
    const { ready, told, applied } = await prepare(3, { type: 'manifest' });

    expect(ready).toEqual(deployment(3));
    expect([...told, ...applied]).toEqual([]);
  });

  it('has no count that stays: another manager of ours has taken it over', async () => {
    const { ready, told, applied } = await prepare(3, { type: 'keep', replicas: 5, setBy: 'another client' });

    expect(ready).toStrictEqual(deployment());
    expect(applied).toEqual(handedOver(5));
    expect(told).toEqual([
      'Deployment shop/web stays at 5 replicas, set by another client; the manifest has 3',
    ]);
  });

  it('takes over the count of the workload as it was seen alone', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(deployment(5));
    cluster.put(deployment(6));
    const keep = { type: 'keep', replicas: 5, setBy: 'another client' } as const;
    const request = {
      cluster,
      notice: async () => undefined,
      resourceVersion: seen.metadata.resourceVersion!,
    };

    await expect(withReplicas(deployment(3), keep, request, options)).rejects.toThrow(ConflictError);

    expect(cluster.all<Workload>('Deployment')[0]?.spec.replicas).toBe(6);
  });

  it('says nothing of a count that is the same, or that no manifest has', async () => {
    const same = await prepare(5, { type: 'keep', replicas: 5, setBy: 'its autoscaler' });
    const none = await prepare(undefined, { type: 'keep', replicas: 5, setBy: undefined });

    expect([...same.told, ...none.told]).toEqual([]);
    expect(none.applied).toEqual(handedOver(5));
  });

  it('has the count that it takes', async () => {
    const { ready, told, applied } = await prepare(3, { type: 'take', replicas: 3 });

    expect(ready).toEqual(deployment(3));
    expect(applied).toEqual(handedOver(3));
    expect(told).toEqual([]);
  });

  it('is rehearsed with the live count where that is not the manifest’s', () => {
    const take = { type: 'take', replicas: 3 } as const;

    expect(dryRunReplicas(deployment(3), deployment(5), take)).toEqual(deployment(5));
    expect(dryRunReplicas(deployment(3), deployment(5), { type: 'manifest' })).toEqual(deployment(3));
    expect(dryRunReplicas(deployment(3), deployment(), take)).toEqual(deployment(3));
    expect(dryRunReplicas(deployment(3), undefined, take)).toEqual(deployment(3));
  });
});
