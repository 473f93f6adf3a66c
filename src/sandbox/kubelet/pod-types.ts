/** Pods as they are stored, by the types of the client library. */
import type * as k8s from '@kubernetes/client-node';
import type { StoredObject } from '../store/objects.ts';

/** What a class of the client library looks like as JSON: times are texts. */
export type Plain<T> = T extends Date
  ? string
  : T extends object
    ? { [Field in keyof T]: Plain<T[Field]> }
    : T;

export type Container = Plain<k8s.V1Container> & { image: string };
export type Volume = Plain<k8s.V1Volume>;
export type Probe = Plain<k8s.V1Probe>;
/** What a probe or a hook does. */
export type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket'> & Plain<k8s.V1LifecycleHandler>;
export type ResourceFieldRef = Plain<k8s.V1ResourceFieldSelector>;
/** A source of files that the kubelet writes itself: alone as a volume, or one of several in a projected volume. */
export type FileSource = Plain<Omit<k8s.V1VolumeProjection, 'secret'>> & {
  secret?: Plain<k8s.V1SecretProjection> & { secretName?: string };
};

export type PodSpec = Omit<Plain<k8s.V1PodSpec>, 'containers' | 'initContainers'> & {
  containers: Container[];
  initContainers?: Container[];
};

export interface Pod extends StoredObject<PodSpec, PodStatus> {
  spec: PodSpec;
}

/** A status condition; Pods have lastProbeTime, Jobs too, Deployments lastUpdateTime. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastProbeTime?: string | null;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
  observedGeneration?: number;
}

export interface PodStatus {
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  reason?: string;
  message?: string;
  conditions?: Condition[];
  hostIP?: string;
  podIP?: string;
  podIPs?: { ip: string }[];
  startTime?: string;
  qosClass?: string;
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
}

export interface Terminated {
  exitCode: number;
  signal?: number;
  reason: string;
  message?: string;
  startedAt: string;
  finishedAt: string;
  containerID?: string;
}

/** Exactly one field is set; none at all stands for the last state of a container that has not run before. */
export interface ContainerState {
  waiting?: { reason: string; message?: string };
  running?: { startedAt: string };
  terminated?: Terminated;
}

export interface ContainerStatus {
  name: string;
  image: string;
  imageID: string;
  containerID?: string;
  state: ContainerState;
  lastState: ContainerState;
  ready: boolean;
  started: boolean;
  restartCount: number;
}

/** Whether an init container is a sidecar: it keeps running beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}
