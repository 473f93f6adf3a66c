import type { Container, Pod } from '../kubelet/pod-types.ts';

const replicated = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet']);

/** Whether the pod's address is the machine's: it wants it so, or the system knows but one loopback address. */
export function isSharedAddress({ spec }: Pod): boolean {
  return spec.hostNetwork === true || process.platform !== 'linux';
}

/** Whether a pod listens, as far as one can tell beforehand, or may have replicas that listen on the same port. */
export function needsOwnNetwork({ spec, metadata }: Pod): boolean {
  if (spec.hostNetwork === true) return false;
  const listens = ({ ports = [], readinessProbe, livenessProbe, startupProbe }: Container): boolean =>
    ports.length > 0 ||
    [readinessProbe, livenessProbe, startupProbe].some(
      (probe) => (probe?.httpGet ?? probe?.tcpSocket) !== undefined,
    );
  const isReplica = metadata.ownerReferences?.some(
    ({ controller, kind }) => controller === true && replicated.has(kind),
  );
  return isReplica === true || [...spec.containers, ...(spec.initContainers ?? [])].some(listens);
}
