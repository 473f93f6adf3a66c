import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import type { FakeCluster } from '../../../fakes/cluster.ts';

/** A clock whose pauses take no time, a thousand of them at most. */
function patientClock() {
  let nowMs = 0;
  const pauses: number[] = [];
  const sleep = async (ms: number) => {
    if (pauses.push(ms) > 1000) throw new Error('it waits without end');
    nowMs += ms;
  };
  return { now: () => 0, monotonicMs: () => nowMs, sleep, pauses };
}

/** What applying needs, and what it has told people. */
export function requestOn(cluster: FakeCluster) {
  const told: string[] = [];
  const notice = async (message: string) => void told.push(message);
  const clock = patientClock();
  return { cluster, clock, force: false, replicas: {}, autoscaled: new Set<string>(), notice, told };
}

/** An object `web` in the namespace `shop`. */
export function object(kind: string, more: object = {}, metadata: object = {}): KubernetesObject {
  const versions: Partial<Record<string, string>> = { Job: 'batch/v1', Deployment: 'apps/v1' };
  return {
    ...{
      apiVersion: versions[kind] ?? 'v1',
      kind,
      metadata: { name: 'web', namespace: 'shop', ...metadata },
    },
    ...more,
  };
}

/** Of {@link object}. */
export const referenceOf = ({ apiVersion, kind }: KubernetesObject) => ({
  ...{ apiVersion, kind, name: 'web', namespace: 'shop' },
});
