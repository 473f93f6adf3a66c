import type { ImageFiles } from './image-files.ts';
import type { Container, Pod } from './pod-types.ts';
import type { Duplex } from 'node:stream';
import type { Mount, Runtime } from './runtime.ts';

/** What a container needs of its pod and of the kubelet. */
export interface ContainerContext {
  /** The pod as it is now. */
  pod(): Pod;
  /** A folder of this container's own, which stays as long as the pod. */
  folder: string;
  runtime: Runtime;
  /** Gets the image; rejects with {@link PullFailed}. */
  pull(container: Container, signal: AbortSignal): Promise<ImageFiles>;
  /** Environment and mounts; throws ConfigurationMissing or MountFailed. */
  configure(container: Container): { environment: Record<string, string>; mounts: Mount[] };
  /** See {@link ContainerLaunch.networkOf}. */
  networkOf: number | undefined;
  /** See {@link HandlerTarget.connect}. */
  connect(port: number, signal: AbortSignal): Promise<Duplex>;
  podIP: string;
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** The container's status has changed. */
  changed(): void;
}

/** An image cannot be had; `reason` is what the container's state shows. */
export class PullFailed extends Error {
  readonly reason: 'ErrImagePull' | 'InvalidImageName' | 'ErrImageNeverPull';

  constructor(reason: PullFailed['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}
