import { expect, it } from '@jest/globals';
import { PodMonitor } from '../../../../../src/adapters/kubernetes/agent/pod-monitor.ts';
import type { SharedWatches } from '../../../../../src/adapters/kubernetes/watch/shared-watch.ts';
import type { KubernetesObject } from '../../../../../src/ports/kubernetes-object.ts';

type Changed = (objects: ReadonlyMap<string, KubernetesObject>) => void;

const pod = (status: object): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'shop-1', namespace: 'ci', uid: 'u' },
  spec: { containers: [{ name: 'main', image: 'node:24' }] },
  status,
});

/** As a 1.36 kubelet leaves a pod that it has evicted. */
const ended = pod({
  phase: 'Succeeded',
  containerStatuses: [{ name: 'main', state: { terminated: { exitCode: 0 } } }],
});

const evicted: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'shop-1.1', namespace: 'ci' },
  type: 'Warning',
  reason: 'Evicted',
  message: 'The node was low on resource: memory.',
  involvedObject: { uid: 'u', name: 'shop-1' },
};

/** A monitor of a pod whose events are there from the n-th list on. */
function monitorOf({ eventsFrom, started }: { eventsFrom: number; started: boolean }) {
  const listeners = new Map<string, Changed>();
  let lists = 0;
  const watches = {
    listen: ({ kind }: { kind: string }, _selection: object, { changed }: { changed: Changed }) => {
      listeners.set(kind, changed);
      return () => listeners.delete(kind);
    },
  } as unknown as SharedWatches;
  const cluster = {
    get: async () => undefined,
    list: (async () => (++lists >= eventsFrom ? [evicted] : [])) as never,
  };
  const monitor = new PodMonitor({
    ...{ cluster, watches, pod: pod({ phase: 'Running' }), unschedulableMs: 8000 },
    stepContainers: new Set(['main']),
  });
  if (started) monitor.started();
  listeners.get('Pod')?.(new Map([['ci/shop-1', ended]]));
  return { monitor, lists: () => lists };
}

const failureOf = (monitor: PodMonitor) =>
  new Promise<unknown>((resolve) => {
    const tell = () => resolve(monitor.failure.reason);
    if (monitor.failure.aborted) tell();
    else monitor.failure.addEventListener('abort', tell, { once: true });
  });

it.each([true, false])(
  'waits for the event that says why a container ended; after the start: %s',
  async (started) => {
    const { monitor } = monitorOf({ eventsFrom: 3, started });

    expect(await failureOf(monitor)).toMatchObject({
      problem: 'evicted',
      message: 'agent pod shop-1 was evicted from its node: The node was low on resource: memory.',
    });
    monitor.dispose();
  },
);

it('says that the container ended when no event comes', async () => {
  const { monitor, lists } = monitorOf({ eventsFrom: Infinity, started: true });

  expect(await failureOf(monitor)).toMatchObject({ problem: 'containerExited' });
  expect(lists()).toBeGreaterThan(1);
  monitor.dispose();
});
