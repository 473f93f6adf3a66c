import type { Fields } from '../../base/fields.ts';
import { at, child, ensure, items, scalarText } from './fields.ts';
import type { Default } from './pod-defaults.ts';
import { applyDefaults, podDefaults, podSpecDefaults, qualityOfService } from './pod-defaults.ts';

const below = (prefix: string, defaults: readonly Default[]): Default[] =>
  defaults.map(([pattern, given]) => [pattern === '' ? prefix : `${prefix}.${pattern}`, given]);

/** The real API writes creationTimestamp: null into a template's metadata; clients do not need it. */
const template = (prefix: string): Default[] => [
  [prefix, { template: { metadata: {}, spec: {} } }],
  ...below(`${prefix}.template.spec`, podSpecDefaults),
];

const rollingUpdate = { type: 'RollingUpdate' };
const rolling =
  (defaults: Fields) =>
  ({ type }: Fields): Fields =>
    type === 'RollingUpdate' ? { rollingUpdate: defaults } : {};

const jobSpec = (prefix: string): Default[] => [
  [
    prefix,
    ({ completions, parallelism }) => ((completions ?? parallelism) === undefined ? { completions: 1 } : {}),
  ],
  [prefix, { parallelism: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false }],
  [
    prefix,
    ({ podFailurePolicy }) => ({
      podReplacementPolicy: podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed',
    }),
  ],
  ...template(prefix),
];

/** Labels and selector by which a Job owns its pods; they carry the Job's uid, unless manualSelector is set. */
function jobSelector(job: Fields): Fields {
  const { uid, name } = child(job, 'metadata') ?? {};
  const spec = child(job, 'spec');
  if (spec?.['manualSelector'] === true || spec?.['selector'] !== undefined || uid === undefined) return {};
  const selector = { 'batch.kubernetes.io/controller-uid': uid };
  const labels = {
    ...selector,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  return { spec: { selector: { matchLabels: selector }, template: { metadata: { labels } } } };
}

/** A Job without labels gets those of its template. */
function labelsOfTemplate(job: Fields): Fields {
  const labels = at(job, 'metadata', 'labels') ?? at(job, 'spec', 'template', 'metadata', 'labels');
  return { metadata: { labels } };
}

function serviceSpec({ type, sessionAffinity }: Fields): Fields {
  const hasNodePort = type === 'NodePort' || type === 'LoadBalancer';
  return {
    ...(sessionAffinity === 'ClientIP'
      ? { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } } }
      : {}),
    ...(type === 'ExternalName'
      ? {}
      : { internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }),
    ...(hasNodePort ? { externalTrafficPolicy: 'Cluster' } : {}),
    ...(type === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: true } : {}),
  };
}

/** The pods' port is the Service's, unless another is given. */
function servicePort(target: Fields): Fields {
  if (target['targetPort'] === 0) delete target['targetPort'];
  return { protocol: 'TCP', targetPort: target['port'] };
}

/** Empty data is not stored. */
function dropEmptyData(object: Fields): Fields {
  for (const name of ['data', 'binaryData']) {
    const data = child(object, name);
    if (data !== undefined && Object.keys(data).length === 0) Reflect.deleteProperty(object, name);
  }
  return {};
}

/** The plain texts of a Secret become data. */
function plainTexts(secret: Fields): Fields {
  const plain = Object.entries(child(secret, 'stringData') ?? {});
  for (const [name, value] of plain) {
    ensure(secret, 'data')[name] = Buffer.from(String(value)).toString('base64');
  }
  delete secret['stringData'];
  return dropEmptyData(secret);
}

function namespace(object: Fields): Fields {
  const { name, deletionTimestamp } = ensure(object, 'metadata');
  const labels = { 'kubernetes.io/metadata.name': name };
  return {
    metadata: { labels },
    ...(deletionTimestamp === undefined ? { spec: { finalizers: ['kubernetes'] } } : {}),
  };
}

/** autoscaling/v1, as kubectl autoscale sends it, is stored as v2: the one target that it knows is a metric. */
function autoscaler(object: Fields): Fields {
  object['apiVersion'] = 'autoscaling/v2';
  const spec = ensure(object, 'spec');
  const { targetCPUUtilizationPercentage: averageUtilization } = spec;
  delete spec['targetCPUUtilizationPercentage'];
  if (averageUtilization === undefined) return {};
  const resource = { name: 'cpu', target: { type: 'Utilization', averageUtilization } };
  return { spec: { metrics: [{ type: 'Resource', resource }] } };
}

const rbacGroup = { apiGroup: 'rbac.authorization.k8s.io' };
const binding: readonly Default[] = [
  ['roleRef', rbacGroup],
  ['subjects[]', ({ kind }) => (kind === 'ServiceAccount' ? {} : rbacGroup)],
];

const defaultsOf: Record<string, readonly Default[]> = {
  Pod: below('spec', podDefaults),
  Deployment: [
    [
      'spec',
      { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: rollingUpdate },
    ],
    ['spec.strategy', rolling({ maxSurge: '25%', maxUnavailable: '25%' })],
    ...template('spec'),
  ],
  ReplicaSet: [['spec', { replicas: 1 }], ...template('spec')],
  StatefulSet: [
    ['spec', { replicas: 1, revisionHistoryLimit: 10, podManagementPolicy: 'OrderedReady' }],
    ['spec', { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' } }],
    ['spec', { updateStrategy: rollingUpdate }],
    ['spec.updateStrategy', rolling({ partition: 0 })],
    ...template('spec'),
    ['spec.volumeClaimTemplates[]', { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: {} }],
    ['spec.volumeClaimTemplates[]', { spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } }],
  ],
  DaemonSet: [
    ['spec', { revisionHistoryLimit: 10, updateStrategy: rollingUpdate }],
    ['spec.updateStrategy', rolling({ maxSurge: 0, maxUnavailable: 1 })],
    ...template('spec'),
  ],
  Job: [['spec', {}], ['', jobSelector], ...jobSpec('spec'), ['', labelsOfTemplate]],
  CronJob: [
    ['spec', { concurrencyPolicy: 'Allow', suspend: false, jobTemplate: { metadata: {}, spec: {} } }],
    ['spec', { successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 }],
    ...jobSpec('spec.jobTemplate.spec'),
  ],
  Service: [
    ['spec', { type: 'ClusterIP', sessionAffinity: 'None' }],
    ['spec', serviceSpec],
    ['spec.ports[]', servicePort],
  ],
  Secret: [
    ['', { type: 'Opaque' }],
    ['', plainTexts],
  ],
  ConfigMap: [['', dropEmptyData]],
  PersistentVolumeClaim: [['spec', { volumeMode: 'Filesystem' }]],
  PersistentVolume: [
    ['spec', { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' }],
    ['spec.hostPath', { type: '' }],
  ],
  RoleBinding: binding,
  ClusterRoleBinding: binding,
  Endpoints: [['subsets[].ports[]', { protocol: 'TCP' }]],
  EndpointSlice: [['ports[]', { name: '', protocol: 'TCP' }]],
  Namespace: [['', namespace]],
  HorizontalPodAutoscaler: [
    ['spec', { minReplicas: 1 }],
    ['', autoscaler],
  ],
  HTTPRoute: [
    ['spec', { rules: [{}] }],
    ['spec.parentRefs[]', { group: 'gateway.networking.k8s.io', kind: 'Gateway' }],
    ['spec.rules[]', { matches: [{}] }],
    ['spec.rules[].matches[]', { path: { type: 'PathPrefix', value: '/' } }],
    ['spec.rules[].matches[].headers|queryParams[]', { type: 'Exact' }],
    ['spec.rules[].backendRefs[]', { group: '', kind: 'Service', weight: 1 }],
    ['spec.rules[].filters[].requestRedirect', { statusCode: 302 }],
  ],
  Gateway: [['spec.listeners[]', { allowedRoutes: { namespaces: { from: 'Same' } } }]],
  CustomResourceDefinition: [
    ['spec', { names: {}, conversion: { strategy: 'None' } }],
    ['spec.names', ({ kind }) => namesOf(scalarText(kind))],
  ],
};

function namesOf(kind: string): Fields {
  return { singular: kind.toLowerCase(), listKind: `${kind}List` };
}

/** Fills the defaults of a built-in kind into `object`, as far as pipelines and releases depend on them. */
export function fillDefaults(kind: string, object: Fields): void {
  applyDefaults(object, defaultsOf[kind] ?? []);
}

const loadBalancer = { loadBalancer: {} };
/** What stands in the status until a controller has written it. */
const pending = (type: string): Fields => ({
  type,
  status: 'Unknown',
  reason: 'Pending',
  message: 'Waiting for controller',
  lastTransitionTime: '1970-01-01T00:00:00Z',
});
const noReplicas = { replicas: 0 };

/** The statuses that new objects start with, where they start with something. */
const initialStatuses: Record<string, Fields | ((object: Fields) => Fields)> = {
  Pod: (pod) => ({ phase: 'Pending', qosClass: qualityOfService(child(pod, 'spec') ?? {}) }),
  Namespace: { phase: 'Active' },
  PersistentVolumeClaim: { phase: 'Pending' },
  PersistentVolume: { phase: 'Pending' },
  Node: (node) => child(node, 'status') ?? {},
  Service: loadBalancer,
  Ingress: loadBalancer,
  GatewayClass: { conditions: [pending('Accepted')] },
  Gateway: { conditions: [pending('Accepted'), pending('Programmed')] },
  ReplicaSet: noReplicas,
  StatefulSet: noReplicas,
  DaemonSet: { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 },
  HorizontalPodAutoscaler: { currentReplicas: 0, desiredReplicas: 0 },
  CustomResourceDefinition: establishedStatus,
};

/** The status that a new object starts with; what a client gave is dropped for kinds with a status subresource. */
export function initialStatus(kind: string, object: Fields): Fields {
  const status = initialStatuses[kind] ?? {};
  return typeof status === 'function' ? status(object) : structuredClone(status);
}

function establishedStatus(definition: Fields): Fields {
  const status = 'True';
  const lastTransitionTime = at(definition, 'metadata', 'creationTimestamp');
  const stored = items(child(definition, 'spec'), 'versions').filter(({ storage }) => storage === true);
  const conditions = [
    { type: 'NamesAccepted', reason: 'NoConflicts', message: 'no conflicts found' },
    { type: 'Established', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' },
  ];
  return {
    acceptedNames: at(definition, 'spec', 'names'),
    conditions: conditions.map((row) => ({ ...row, status, lastTransitionTime })),
    storedVersions: stored.map(({ name }) => name),
  };
}
