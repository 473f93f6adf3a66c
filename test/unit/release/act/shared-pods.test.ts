import { describe, expect, it } from '@jest/globals';
import { holdMarkOf } from '../../../../src/kubernetes/hold-mark.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { act } from '../../../../src/release/act/act.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { secondRelease, sessionOn } from './session-on.ts';

const options = { signal: new AbortController().signal };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };

function workload(image: string, replicas: number): Workload {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } },
    spec: { replicas, template },
  };
}

describe('a Deployment of 5 pods that is held by a revision that has 3', () => {
  it.each([
    ['keeps its number of pods where it shares them with the new ones', { surge: 1, stable: 'a' }, 5, {}],
    ['gets that of the revision otherwise', undefined, 3, { 'apps/Deployment/shop/web': 3 }],
  ])('%s', async (_, share, count, recorded) => {
    const cluster = new FakeCluster();
    const { session, told } = await sessionOn(cluster, secondRelease, [[], [workload('v2', 3)]]);
    cluster.put(workload('v1', 5));
    const held = { type: 'hold', revision: 2, step: 'starting', before: {} } as const;

    const { replicas } = await act(share === undefined ? held : { ...held, share }, session, options);

    const live = cluster.peek<Workload>(deployment)!;
    expect(live.spec.replicas).toBe(count);
    expect(replicas).toStrictEqual(recorded);
    expect(holdMarkOf(live)).toMatchObject({ revision: 2 });
    expect(told).toEqual([]);
  });
});
