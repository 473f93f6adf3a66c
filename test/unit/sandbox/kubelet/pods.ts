import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodSpec,
} from '../../../../src/sandbox/kubelet/pod-types.ts';

/** A container of a test. */
export function container(more: Partial<Container> = {}): Container {
  return { name: 'main', image: 'busybox:1', ...more };
}

/** A pod of a test, in the namespace `shop`. */
export function pod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'uid-1',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { containers: [container()], ...spec },
  };
}

/** The status of a container in a state. */
export function status(
  name: string,
  state: ContainerState,
  more: Partial<ContainerStatus> = {},
): ContainerStatus {
  return {
    name,
    image: 'busybox:1',
    imageID: 'x',
    state,
    lastState: {},
    ready: false,
    started: state.running !== undefined,
    restartCount: 0,
    ...more,
  };
}

/** The state of a container that ended. */
export function ended(exitCode: number): ContainerState {
  const at = '2026-01-01T00:00:00Z';
  return {
    terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt: at, finishedAt: at },
  };
}

/** The state of a container that runs. */
export const running: ContainerState = { running: { startedAt: '2026-01-01T00:00:00Z' } };
