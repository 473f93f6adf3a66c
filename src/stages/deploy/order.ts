import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

/**
 * Kinds in the order of their dependencies: what others refer to comes first. Kinds that are not named here are
 * custom objects, which come last but for what sends traffic: their definitions and whatever they refer to are there.
 */
const order = [
  'Namespace',
  'ResourceQuota',
  'LimitRange',
  'NetworkPolicy',
  'PodSecurityPolicy',
  'PriorityClass',
  'StorageClass',
  'CustomResourceDefinition',
  'ServiceAccount',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'Secret',
  'ConfigMap',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Service',
  'PodDisruptionBudget',
  'Pod',
  'ReplicaSet',
  'DaemonSet',
  'StatefulSet',
  'Deployment',
  'Job',
  'CronJob',
  'HorizontalPodAutoscaler',
  'IngressClass',
  'Ingress',
  'APIService',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
];

const customRank = order.indexOf('Ingress') - 0.5;

/** The objects in the order in which they can be applied; objects of a kind keep their order. */
export function inDependencyOrder<T extends { object: KubernetesObject }>(manifests: readonly T[]): T[] {
  return [...manifests].sort((a, b) => rank(a.object) - rank(b.object));
}

function rank(object: KubernetesObject): number {
  const known = order.indexOf(object.kind);
  return known === -1 ? customRank : known;
}
