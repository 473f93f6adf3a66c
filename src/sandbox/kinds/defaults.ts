import type { Fields } from './fields.ts';
import { at, child, ensure, fill, items, text } from './fields.ts';
import { fillPod, fillPodSpec, qualityOfService } from './pod-defaults.ts';

type FillObject = (object: Fields) => void;

function fillTemplate(spec: Fields): void {
  const template = ensure(spec, 'template');
  // The real API writes creationTimestamp: null here; clients do not need it.
  ensure(template, 'metadata');
  fillPodSpec(ensure(template, 'spec'));
}

function fillRollingUpdate(spec: Fields, field: string, defaults: Fields): void {
  const strategy = ensure(spec, field);
  fill(strategy, { type: 'RollingUpdate' });
  if (strategy['type'] === 'RollingUpdate') fill(ensure(strategy, 'rollingUpdate'), defaults);
}

/** Labels and selector by which a Job owns its pods; they carry the Job's uid, unless manualSelector is set. */
function fillJobSelector(job: Fields): void {
  const spec = ensure(job, 'spec');
  const uid = at(job, 'metadata', 'uid');
  if (spec['manualSelector'] === true || spec['selector'] !== undefined || uid === undefined) return;
  const name = at(job, 'metadata', 'name');
  spec['selector'] = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
  const labels = ensure(ensure(ensure(spec, 'template'), 'metadata'), 'labels');
  Object.assign(labels, {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  });
}

function fillJobSpec(spec: Fields): void {
  if (spec['completions'] === undefined && spec['parallelism'] === undefined) spec['completions'] = 1;
  fill(spec, {
    parallelism: 1,
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    suspend: false,
    podReplacementPolicy: spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed',
  });
  fillTemplate(spec);
}

function fillService(service: Fields): void {
  const spec = ensure(service, 'spec');
  fill(spec, { type: 'ClusterIP', sessionAffinity: 'None' });
  const type = text(spec, 'type');
  for (const port of items(spec, 'ports')) {
    fill(port, { protocol: 'TCP', ...(type === 'ExternalName' ? {} : { targetPort: port['port'] }) });
  }
  if (spec['sessionAffinity'] === 'ClientIP') {
    fill(ensure(ensure(spec, 'sessionAffinityConfig'), 'clientIP'), { timeoutSeconds: 10800 });
  }
  if (type !== 'ExternalName') {
    fill(spec, { internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
  }
  if (type === 'NodePort' || type === 'LoadBalancer') fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (type === 'LoadBalancer') fill(spec, { allocateLoadBalancerNodePorts: true });
}

/** Empty data is not stored. */
function dropEmptyData(object: Fields): void {
  for (const name of ['data', 'binaryData']) {
    const data = child(object, name);
    if (data !== undefined && Object.keys(data).length === 0) Reflect.deleteProperty(object, name);
  }
}

function fillSecret(secret: Fields): void {
  fill(secret, { type: 'Opaque' });
  const plain = child(secret, 'stringData');
  if (plain === undefined) {
    dropEmptyData(secret);
    return;
  }
  const data = ensure(secret, 'data');
  for (const [name, value] of Object.entries(plain))
    data[name] = Buffer.from(String(value)).toString('base64');
  delete secret['stringData'];
}

function fillStatefulSet(spec: Fields): void {
  fill(spec, {
    replicas: 1,
    podManagementPolicy: 'OrderedReady',
    revisionHistoryLimit: 10,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
  });
  fillRollingUpdate(spec, 'updateStrategy', { partition: 0 });
  fillTemplate(spec);
  for (const claim of items(spec, 'volumeClaimTemplates')) {
    ensure(claim, 'metadata');
    fill(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
    fill(ensure(claim, 'spec'), { volumeMode: 'Filesystem' });
    fill(claim, { status: { phase: 'Pending' } });
  }
}

/** References of a binding are to this API group; a service account's is the core one. */
function fillBinding(binding: Fields): void {
  const group = 'rbac.authorization.k8s.io';
  const role = child(binding, 'roleRef');
  if (role !== undefined) fill(role, { apiGroup: group });
  for (const subject of items(binding, 'subjects')) {
    if (subject['kind'] !== 'ServiceAccount') fill(subject, { apiGroup: group });
  }
}

function fillDefinition(object: Fields): void {
  const spec = ensure(object, 'spec');
  const names = ensure(spec, 'names');
  const kind = text(names, 'kind') ?? '';
  fill(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
  fill(spec, { conversion: { strategy: 'None' } });
}

const ofSpec =
  (change: FillObject): FillObject =>
  (object) => {
    change(ensure(object, 'spec'));
  };

/** Defaults by kind, as far as pipelines and releases depend on them. Each works in place and can be repeated. */
const defaultsOf: Record<string, FillObject> = {
  Pod: ofSpec(fillPod),
  Deployment: ofSpec((spec) => {
    fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
    fillRollingUpdate(spec, 'strategy', { maxSurge: '25%', maxUnavailable: '25%' });
    fillTemplate(spec);
  }),
  ReplicaSet: ofSpec((spec) => {
    fill(spec, { replicas: 1 });
    fillTemplate(spec);
  }),
  ReplicationController: ofSpec((spec) => {
    fill(spec, { replicas: 1 });
    if (spec['template'] !== undefined) fillTemplate(spec);
  }),
  StatefulSet: ofSpec(fillStatefulSet),
  DaemonSet: ofSpec((spec) => {
    fill(spec, { revisionHistoryLimit: 10 });
    fillRollingUpdate(spec, 'updateStrategy', { maxSurge: 0, maxUnavailable: 1 });
    fillTemplate(spec);
  }),
  Job(job) {
    fillJobSelector(job);
    fillJobSpec(ensure(job, 'spec'));
    const labels = at(job, 'spec', 'template', 'metadata', 'labels');
    if (labels !== undefined) fill(ensure(job, 'metadata'), { labels });
  },
  CronJob: ofSpec((spec) => {
    fill(spec, {
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    fillTemplate(ensure(ensure(spec, 'jobTemplate'), 'spec'));
    ensure(ensure(spec, 'jobTemplate'), 'metadata');
  }),
  Service: fillService,
  Secret: fillSecret,
  ConfigMap: dropEmptyData,
  PersistentVolumeClaim: ofSpec((spec) => {
    fill(spec, { volumeMode: 'Filesystem' });
  }),
  PersistentVolume: ofSpec((spec) => {
    fill(spec, { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' });
    const hostPath = child(spec, 'hostPath');
    if (hostPath !== undefined) fill(hostPath, { type: '' });
  }),
  NetworkPolicy: ofSpec((spec) => {
    fill(spec, { policyTypes: spec['egress'] === undefined ? ['Ingress'] : ['Ingress', 'Egress'] });
  }),
  RoleBinding: fillBinding,
  ClusterRoleBinding: fillBinding,
  Endpoints(object) {
    for (const port of items(object, 'subsets').flatMap((subset) => items(subset, 'ports'))) {
      fill(port, { protocol: 'TCP' });
    }
  },
  PriorityClass(object) {
    fill(object, { preemptionPolicy: 'PreemptLowerPriority' });
  },
  Namespace(namespace) {
    const metadata = ensure(namespace, 'metadata');
    ensure(metadata, 'labels')['kubernetes.io/metadata.name'] = metadata['name'];
    if (metadata['deletionTimestamp'] === undefined)
      fill(ensure(namespace, 'spec'), { finalizers: ['kubernetes'] });
  },
  StorageClass(object) {
    fill(object, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
  },
  HorizontalPodAutoscaler: ofSpec((spec) => {
    const target = { type: 'Utilization', averageUtilization: 80 };
    fill(spec, { minReplicas: 1, metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }] });
  }),
  EndpointSlice(object) {
    for (const port of items(object, 'ports')) fill(port, { name: '', protocol: 'TCP' });
  },
  CustomResourceDefinition: fillDefinition,
};

/** Fills the defaults of `kind` (of the built-in groups) into `object`. */
export function fillDefaults(kind: string, object: Fields): void {
  defaultsOf[kind]?.(object);
}

/** The status that a new object starts with; what a client gave is dropped for kinds with a status subresource. */
export function initialStatus(kind: string, object: Fields): Fields {
  switch (kind) {
    case 'Pod':
      return { phase: 'Pending', qosClass: qualityOfService(child(object, 'spec') ?? {}) };
    case 'Namespace':
      return { phase: 'Active' };
    case 'PersistentVolumeClaim':
    case 'PersistentVolume':
      return { phase: 'Pending' };
    case 'Node':
      return child(object, 'status') ?? {};
    case 'Service':
    case 'Ingress':
      return { loadBalancer: {} };
    case 'ReplicaSet':
    case 'StatefulSet':
    case 'ReplicationController':
      return { replicas: 0 };
    case 'DaemonSet':
      return { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
    case 'HorizontalPodAutoscaler':
      return { currentReplicas: 0, desiredReplicas: 0 };
    case 'CustomResourceDefinition':
      return establishedStatus(object);
    default:
      return {};
  }
}

function establishedStatus(definition: Fields): Fields {
  const now = at(definition, 'metadata', 'creationTimestamp');
  const condition = (type: string, reason: string, message: string): Fields => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: now,
  });
  return {
    acceptedNames: at(definition, 'spec', 'names'),
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    storedVersions: items(child(definition, 'spec'), 'versions')
      .filter((version) => version['storage'] === true)
      .map((version) => version['name']),
  };
}
