import type { PodNetwork } from '../network/pod-network.ts';
import type { ContainerContext } from './container-context.ts';
import type { ImageFiles } from './image-files.ts';
import type { Container, Pod, PodStatus } from './pod-types.ts';
import type { Runtime } from './runtime.ts';

/** What a pod needs of the kubelet. */
export interface PodContext {
  /** The pod's own folder. */
  folder: string;
  runtime: Runtime;
  network: PodNetwork;
  pull(pod: Pod, container: Container, signal: AbortSignal): Promise<ImageFiles>;
  /** Makes the pod's volumes, or brings them up to date; throws MountFailed. Their paths, by volume name. */
  makeVolumes(pod: Pod, podIP: string): Map<string, string>;
  configure(
    pod: Pod,
    container: Container,
    made: { volumes: ReadonlyMap<string, string>; podIP: string },
  ): ReturnType<ContainerContext['configure']>;
  event(pod: Pod, event: { type: 'Normal' | 'Warning'; reason: string; message: string }): void;
  writeStatus(pod: Pod, status: PodStatus): void;
}
