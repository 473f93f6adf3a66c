import { defined } from '../base/defined.ts';
import type { KubernetesObject, ObjectKind, ObjectReference } from '../ports/kubernetes-object.ts';

/** The kinds whose pods a release follows. */
const workloadKinds: readonly string[] = [
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'Job',
  'Pod',
];

/** A condition of a status: https://kubernetes.io/docs/reference/kubernetes-api/ (every workload kind has them). */
export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

/** A container as far as releases read it. */
export interface Container {
  name: string;
  image?: string;
  readinessProbe?: unknown;
  lifecycle?: { preStop?: unknown };
  [field: string]: unknown;
}

/** `spec.template`, or the pod itself. */
export interface PodTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: { containers: Container[]; initContainers?: Container[]; [field: string]: unknown };
}

/** Any workload, with the fields that one or the other kind has. */
export interface Workload extends KubernetesObject {
  spec: {
    replicas?: number;
    paused?: boolean;
    minReadySeconds?: number;
    completions?: number;
    selector?: { matchLabels?: Record<string, string>; matchExpressions?: LabelExpression[] };
    template?: PodTemplate;
    updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } };
    strategy?: {
      type?: string;
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
    };
    progressDeadlineSeconds?: number;
    [field: string]: unknown;
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    currentRevision?: string;
    updateRevision?: string;
    desiredNumberScheduled?: number;
    updatedNumberScheduled?: number;
    numberReady?: number;
    numberAvailable?: number;
    succeeded?: number;
    active?: number;
    phase?: string;
    reason?: string;
    message?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

/** `matchExpressions` of a selector. */
export interface LabelExpression {
  key: string;
  operator: string;
  values?: string[];
}

/** Why a container ended. */
export interface Terminated {
  exitCode: number;
  reason?: string;
  message?: string;
  signal?: number;
}

/** `status.containerStatuses[]` of a pod. */
export interface ContainerStatus {
  name: string;
  ready?: boolean;
  restartCount?: number;
  state?: { waiting?: { reason?: string; message?: string }; terminated?: Terminated; running?: unknown };
  lastState?: { terminated?: Terminated };
}

/** A pod is a workload of its own kind. */
export type Pod = Workload;

/** Whether a release follows the pods of this object. */
export function isWorkload(object: KubernetesObject): object is Workload {
  return isWorkloadReference({ apiVersion: object.apiVersion, kind: object.kind });
}

/** The same of a reference. */
export function isWorkloadReference({ apiVersion, kind }: ObjectKind): boolean {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  const groups: Partial<Record<string, string>> = { Job: 'batch', Pod: '' };
  return workloadKinds.includes(kind) && (groups[kind] ?? 'apps') === group;
}

/** The pod template of a workload: the pod itself for a Pod; undefined where there is none. */
export function podTemplateOf(object: KubernetesObject): PodTemplate | undefined {
  const spec = object['spec'] as
    { template?: PodTemplate; jobTemplate?: { spec?: { template?: PodTemplate } } } | undefined;
  if (object.kind === 'Pod') return object as unknown as PodTemplate;
  if (object.kind === 'CronJob') return spec?.jobTemplate?.spec?.template;
  return isWorkload(object) ? spec?.template : undefined;
}

/** The containers of a template, init containers first. */
export function containersOf(template: PodTemplate | undefined): Container[] {
  return [...(template?.spec.initContainers ?? []), ...(template?.spec.containers ?? [])];
}

/** Name, namespace and kind of an object. */
export function referenceOf(object: KubernetesObject): ObjectReference {
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name: object.metadata.name,
    ...defined({ namespace: object.metadata.namespace }),
  };
}

/** A reference as one text without the version, the same for v1 and v1beta1 of a kind: `apps/Deployment/shop/web`. */
export function keyOf(reference: ObjectReference): string {
  const group = reference.apiVersion.includes('/') ? reference.apiVersion.split('/')[0] : '';
  return [group, reference.kind, reference.namespace ?? '', reference.name].join('/');
}

/** How people call an object: `Deployment shop/web`. */
export function nameOf(reference: ObjectReference): string {
  const namespace = reference.namespace === undefined ? '' : `${reference.namespace}/`;
  return `${reference.kind} ${namespace}${reference.name}`;
}

/** A label selector as the API's query text. */
export function selectorText(selector: Workload['spec']['selector']): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...labels, ...expressions].join(',');
}

/** The images of a workload's containers, for people. */
export function imagesOf(workload: Workload): string {
  return containersOf(podTemplateOf(workload))
    .map((container) => container.image ?? '')
    .join(', ');
}
