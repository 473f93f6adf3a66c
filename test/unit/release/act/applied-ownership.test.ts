import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { applyObjects } from '../../../../src/release/act/apply-objects.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';
import { writtenByKubectl } from './written-by-kubectl.ts';

const options = { signal: new AbortController().signal };
const metadata = { name: 'web', namespace: 'shop' };

describe('what kubectl has written of an object and the manifest no longer says', () => {
  it.each<[KubernetesObject]>([
    [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { minReadySeconds: 1 } }],
    [{ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'web' } } }],
  ])('is Slipway’s before it is applied, so that it goes ($kind)', async (manifest) => {
    const cluster = new FakeCluster();
    cluster.put({ ...manifest, spec: { paused: true } });
    const owners = writtenByKubectl(cluster, { 'f:spec': { 'f:paused': {} } });
    const request = {
      ...{ cluster, clock: new VirtualClock(), force: false, notice: async () => undefined },
      ...{ replicas: {}, autoscaled: new Set<string>() },
    };

    await applyObjects([manifest], request, options);

    expect(owners).toMatchObject([[{ manager: 'slipway', fieldsV1: { 'f:spec': { 'f:paused': {} } } }]]);
    const writes = cluster.calls.filter((call) => /^(?:apply|patch)/.test(call));
    expect(writes).toEqual([`apply ${manifest.kind}/web`]);
  });
});
