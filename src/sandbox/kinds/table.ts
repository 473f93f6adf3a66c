import type { Kind, Subresource } from './kind.ts';
import { parseApiVersion } from './kind.ts';

interface Row {
  short?: string;
  plural?: string;
  /** Subresources, separated by blanks. */
  parts?: string;
  generation?: true;
  all?: true;
  model?: string;
  warning?: string;
  storageGroup?: string;
}

function kind(apiVersion: string, name: string, namespaced: boolean, row: Row): Kind {
  const { group, version } = parseApiVersion(apiVersion);
  const singular = name.toLowerCase();
  return {
    group,
    version,
    kind: name,
    storageGroup: row.storageGroup ?? group,
    singular,
    plural: row.plural ?? `${singular}s`,
    shortNames: row.short?.split(' ') ?? [],
    categories: row.all === true ? ['all'] : [],
    namespaced,
    subresources: (row.parts?.split(' ') ?? []) as Subresource[],
    hasGeneration: row.generation === true,
    model: row.model ?? `${version[0]?.toUpperCase() ?? ''}${version.slice(1)}${name}`,
    warning: row.warning,
  };
}

const inNamespace = (apiVersion: string, name: string, row: Row = {}): Kind =>
  kind(apiVersion, name, true, row);
const ofCluster = (apiVersion: string, name: string, row: Row = {}): Kind =>
  kind(apiVersion, name, false, row);

const notEnforced = (what: string): { warning: string } => ({
  warning: `the sandbox stores ${what} but does not enforce it`,
});
const notServed = (what: string): { warning: string } => ({
  warning: `the sandbox stores ${what} but nothing acts on it`,
});

/** Every built-in kind; the order is that of discovery. A further kind is a further row. */
export const kindTable: readonly Kind[] = [
  inNamespace('v1', 'Pod', { short: 'po', parts: 'status', all: true }),
  inNamespace('v1', 'Service', { short: 'svc', parts: 'status', all: true }),
  inNamespace('v1', 'ConfigMap', { short: 'cm' }),
  inNamespace('v1', 'Secret'),
  inNamespace('v1', 'ServiceAccount', { short: 'sa' }),
  inNamespace('v1', 'Endpoints', { short: 'ep', plural: 'endpoints' }),
  inNamespace('v1', 'Event', { short: 'ev', model: 'CoreV1Event' }),
  inNamespace('v1', 'PersistentVolumeClaim', { short: 'pvc', parts: 'status' }),
  inNamespace('v1', 'ReplicationController', {
    short: 'rc',
    parts: 'status scale',
    all: true,
    generation: true,
    ...notServed('a ReplicationController'),
  }),
  inNamespace('v1', 'LimitRange', { short: 'limits', ...notEnforced('a LimitRange') }),
  inNamespace('v1', 'ResourceQuota', {
    short: 'quota',
    parts: 'status',
    ...notEnforced('a ResourceQuota'),
  }),
  inNamespace('v1', 'PodTemplate', notServed('a PodTemplate')),
  ofCluster('v1', 'Namespace', { short: 'ns', parts: 'status' }),
  ofCluster('v1', 'Node', { short: 'no', parts: 'status' }),
  ofCluster('v1', 'PersistentVolume', { short: 'pv', parts: 'status' }),
  inNamespace('apps/v1', 'Deployment', {
    short: 'deploy',
    parts: 'status scale',
    all: true,
    generation: true,
  }),
  inNamespace('apps/v1', 'ReplicaSet', { short: 'rs', parts: 'status scale', all: true, generation: true }),
  inNamespace('apps/v1', 'StatefulSet', { short: 'sts', parts: 'status scale', all: true, generation: true }),
  inNamespace('apps/v1', 'DaemonSet', { short: 'ds', parts: 'status', all: true, generation: true }),
  inNamespace('apps/v1', 'ControllerRevision'),
  inNamespace('batch/v1', 'Job', { parts: 'status', all: true, generation: true }),
  inNamespace('batch/v1', 'CronJob', {
    short: 'cj',
    parts: 'status',
    all: true,
    generation: true,
    warning: 'the sandbox stores a CronJob but does not run it on its schedule',
  }),
  inNamespace('discovery.k8s.io/v1', 'EndpointSlice', { generation: true }),
  inNamespace('coordination.k8s.io/v1', 'Lease'),
  inNamespace('policy/v1', 'PodDisruptionBudget', { short: 'pdb', parts: 'status', generation: true }),
  inNamespace('autoscaling/v2', 'HorizontalPodAutoscaler', {
    short: 'hpa',
    parts: 'status',
    all: true,
    warning: 'the sandbox stores a HorizontalPodAutoscaler but does not scale by it',
  }),
  inNamespace('autoscaling/v1', 'HorizontalPodAutoscaler', {
    short: 'hpa',
    parts: 'status',
    all: true,
    warning: 'the sandbox stores a HorizontalPodAutoscaler but does not scale by it',
  }),
  inNamespace('events.k8s.io/v1', 'Event', { short: 'ev', model: 'EventsV1Event', storageGroup: '' }),
  inNamespace('networking.k8s.io/v1', 'Ingress', {
    short: 'ing',
    plural: 'ingresses',
    parts: 'status',
    generation: true,
    ...notServed('an Ingress'),
  }),
  ofCluster('networking.k8s.io/v1', 'IngressClass', {
    plural: 'ingressclasses',
    generation: true,
    ...notServed('an IngressClass'),
  }),
  inNamespace('networking.k8s.io/v1', 'NetworkPolicy', {
    short: 'netpol',
    plural: 'networkpolicies',
    generation: true,
    ...notEnforced('a NetworkPolicy'),
  }),
  inNamespace('rbac.authorization.k8s.io/v1', 'Role', notEnforced('a Role')),
  inNamespace('rbac.authorization.k8s.io/v1', 'RoleBinding', notEnforced('a RoleBinding')),
  ofCluster('rbac.authorization.k8s.io/v1', 'ClusterRole', notEnforced('a ClusterRole')),
  ofCluster('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', notEnforced('a ClusterRoleBinding')),
  ofCluster('storage.k8s.io/v1', 'StorageClass', { short: 'sc', plural: 'storageclasses' }),
  ofCluster('scheduling.k8s.io/v1', 'PriorityClass', {
    short: 'pc',
    plural: 'priorityclasses',
    generation: true,
    ...notEnforced('a PriorityClass'),
  }),
  ofCluster('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
    short: 'crd crds',
    parts: 'status',
    generation: true,
    warning:
      'the sandbox stores custom objects as they are: schemas, webhooks and conversions of the CRD do nothing',
  }),
];

/** Kinds that are there without a CustomResourceDefinition although a real cluster needs one. */
export const gatewayKinds: readonly Kind[] = (
  [
    ofCluster('gateway.networking.k8s.io/v1', 'GatewayClass', { short: 'gc', plural: 'gatewayclasses' }),
    inNamespace('gateway.networking.k8s.io/v1', 'Gateway', { short: 'gtw' }),
    inNamespace('gateway.networking.k8s.io/v1', 'HTTPRoute'),
  ] satisfies Kind[]
).map((row) => ({
  ...row,
  model: undefined,
  hasGeneration: true,
  subresources: ['status'],
  ...notServed(`a ${row.kind}`),
}));
