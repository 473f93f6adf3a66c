import type { Pod, PodTemplate } from '../../src/kubernetes/workload-objects.ts';
import type { FakeCluster } from './cluster.ts';

/** How the pods of an image behave. */
export type PodBehaviour = 'ready' | 'crash' | 'imagePull' | 'registryAway' | 'never';

/** What the kubelet may do now with a pod: tell once what has become of its container. */
export function simulatedKubelet(
  pod: Pod,
  cluster: FakeCluster,
  behaviourOf: (image: string) => PodBehaviour,
): (() => void)[] {
  const image = (pod as unknown as PodTemplate).spec.containers[0]?.image ?? '';
  const behaviour = behaviourOf(image);
  if (
    behaviour === 'never' ||
    pod.status?.phase === 'Running' ||
    (pod.status?.containerStatuses ?? []).length > 0
  )
    return [];
  const name = (pod as unknown as PodTemplate).spec.containers[0]?.name ?? 'web';
  const status = {
    ready: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    crash: {
      containerStatuses: [
        {
          name,
          restartCount: 2,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode: 3 } },
        },
      ],
    },
    registryAway: {
      containerStatuses: [
        { name, state: { waiting: { reason: 'ErrImagePull', message: 'connection refused' } } },
      ],
    },
    imagePull: {
      containerStatuses: [{ name, state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } }],
    },
  }[behaviour];
  return [() => cluster.put({ ...pod, status })];
}
