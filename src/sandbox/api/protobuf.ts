import type { Fields } from '../../base/fields.ts';
import type { StatusError } from './status-error.ts';
import { badRequest } from './status-error.ts';

// `kubectl create …`, `autoscale` and `auth` send their own objects as protobuf and know no other way; whatever
// comes from a file is JSON. Answers are always JSON, which they accept.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding

/**
 * What kubectl itself puts together, a message a paragraph: its name, then its fields as NUMBER NAME:TYPE. Types: s text,
 * i integer, b boolean, y bytes, a message or a special type; [] list, {} map by text, * a zero value means something.
 * Numbers are those of generated.proto in k8s.io/api.
 */
const messages = `
ObjectMeta 1name:s 2generateName:s 3namespace:s 5uid:s 6resourceVersion:s 8creationTimestamp:Time 11labels:{}s
  12annotations:{}s 13ownerReferences:[]OwnerReference
OwnerReference 5apiVersion:s 1kind:s 3name:s 4uid:s 6controller:b* 7blockOwnerDeletion:b*
LabelSelector 1matchLabels:{}s 2matchExpressions:[]LabelSelectorRequirement
LabelSelectorRequirement 1key:s 2operator:s 3values:[]s
DeleteOptions 1gracePeriodSeconds:i* 2preconditions:Preconditions* 3orphanDependents:b* 4propagationPolicy:s* 5dryRun:[]s
Preconditions 1uid:s* 2resourceVersion:s*
ConfigMap 1metadata:ObjectMeta 4immutable:b* 2data:{}s 3binaryData:{}y
Secret 1metadata:ObjectMeta 5immutable:b* 2data:{}y 4stringData:{}s 3type:s
ServiceAccount 1metadata:ObjectMeta 4automountServiceAccountToken:b*
Namespace 1metadata:ObjectMeta 2spec:NamespaceSpec
NamespaceSpec 1finalizers:[]s
ResourceQuota 1metadata:ObjectMeta 2spec:ResourceQuotaSpec
ResourceQuotaSpec 1hard:{}Quantity 2scopes:[]s
Service 1metadata:ObjectMeta 2spec:ServiceSpec
ServiceSpec 1ports:[]ServicePort 2selector:{}s 3clusterIP:s 4type:s 7sessionAffinity:s 10externalName:s
ServicePort 1name:s 2protocol:s 3port:i 4targetPort:IntOrString 5nodePort:i
Deployment 1metadata:ObjectMeta 2spec:DeploymentSpec
DeploymentSpec 1replicas:i* 2selector:LabelSelector* 3template:PodTemplateSpec 4strategy:DeploymentStrategy
DeploymentStrategy 1type:s
PodTemplateSpec 1metadata:ObjectMeta 2spec:PodSpec
PodSpec 2containers:[]Container 3restartPolicy:s 4terminationGracePeriodSeconds:i* 5activeDeadlineSeconds:i*
  6dnsPolicy:s 7nodeSelector:{}s 8serviceAccountName:s 9serviceAccount:s 14securityContext:Empty* 19schedulerName:s
Empty
Container 1name:s 2image:s 3command:[]s 4args:[]s 5workingDir:s 6ports:[]ContainerPort 7env:[]EnvVar
  8resources:ResourceRequirements 13terminationMessagePath:s 14imagePullPolicy:s 20terminationMessagePolicy:s
ContainerPort 1name:s 3containerPort:i 4protocol:s
EnvVar 1name:s 2value:s
ResourceRequirements 1limits:{}Quantity 2requests:{}Quantity
Job 1metadata:ObjectMeta 2spec:JobSpec
JobSpec 1parallelism:i* 2completions:i* 3activeDeadlineSeconds:i* 7backoffLimit:i* 6template:PodTemplateSpec
  8ttlSecondsAfterFinished:i* 9completionMode:s* 10suspend:b* 14podReplacementPolicy:s*
CronJob 1metadata:ObjectMeta 2spec:CronJobSpec
CronJobSpec 1schedule:s 3concurrencyPolicy:s 4suspend:b* 5jobTemplate:JobTemplateSpec
JobTemplateSpec 1metadata:ObjectMeta 2spec:JobSpec
PodDisruptionBudget 1metadata:ObjectMeta 2spec:PodDisruptionBudgetSpec
PodDisruptionBudgetSpec 1minAvailable:IntOrString* 2selector:LabelSelector* 3maxUnavailable:IntOrString*
Eviction 1metadata:ObjectMeta 2deleteOptions:DeleteOptions*
Ingress 1metadata:ObjectMeta 2spec:IngressSpec
IngressSpec 4ingressClassName:s* 1defaultBackend:IngressBackend* 2tls:[]IngressTLS 3rules:[]IngressRule
IngressBackend 4service:IngressServiceBackend*
IngressServiceBackend 1name:s 2port:ServiceBackendPort
ServiceBackendPort 1name:s 2number:i
IngressTLS 1hosts:[]s 2secretName:s
IngressRule 1host:s 2-:IngressRuleValue
IngressRuleValue 1http:HTTPIngressRuleValue*
HTTPIngressRuleValue 1paths:[]HTTPIngressPath
HTTPIngressPath 1path:s 3pathType:s* 2backend:IngressBackend
Role 1metadata:ObjectMeta 2rules:[]PolicyRule
ClusterRole 1metadata:ObjectMeta 2rules:[]PolicyRule 3aggregationRule:AggregationRule*
AggregationRule 1clusterRoleSelectors:[]LabelSelector
PolicyRule 1verbs:[]s 2apiGroups:[]s 3resources:[]s 4resourceNames:[]s 5nonResourceURLs:[]s
RoleBinding 1metadata:ObjectMeta 2subjects:[]Subject 3roleRef:RoleRef
ClusterRoleBinding 1metadata:ObjectMeta 2subjects:[]Subject 3roleRef:RoleRef
Subject 1kind:s 2apiGroup:s 3name:s 4namespace:s
RoleRef 1apiGroup:s 2kind:s 3name:s
PriorityClass 1metadata:ObjectMeta 2value:i 3globalDefault:b 4description:s 5preemptionPolicy:s*
HorizontalPodAutoscaler 1metadata:ObjectMeta 2spec:HorizontalPodAutoscalerSpec
HorizontalPodAutoscalerSpec 1scaleTargetRef:ScaleTarget 2minReplicas:i* 3maxReplicas:i 4metrics:[]MetricSpec
autoscaling/v1/HorizontalPodAutoscaler 1metadata:ObjectMeta 2spec:AutoscalerSpecV1
AutoscalerSpecV1 1scaleTargetRef:ScaleTarget 2minReplicas:i* 3maxReplicas:i 4targetCPUUtilizationPercentage:i*
ScaleTarget 1kind:s 2name:s 3apiVersion:s
MetricSpec 1type:s 3resource:ResourceMetricSource*
ResourceMetricSource 1name:s 2target:MetricTarget
MetricTarget 1type:s 2value:Quantity* 3averageValue:Quantity* 4averageUtilization:i*
TokenRequest 1metadata:ObjectMeta 2spec:TokenRequestSpec
TokenRequestSpec 1audiences:[]s 4expirationSeconds:i*
SelfSubjectReview 1metadata:ObjectMeta
SelfSubjectAccessReview 1metadata:ObjectMeta 2spec:SelfSubjectAccessReviewSpec
SelfSubjectAccessReviewSpec 1resourceAttributes:ResourceAttributes* 2nonResourceAttributes:NonResourceAttributes*
ResourceAttributes 1namespace:s 2verb:s 3group:s 4version:s 5resource:s 6subresource:s 7name:s
NonResourceAttributes 1path:s 2verb:s
SelfSubjectRulesReview 1metadata:ObjectMeta 2spec:SelfSubjectRulesReviewSpec
SelfSubjectRulesReviewSpec 1namespace:s`;

/** A field of a message. `-` as name: its fields belong to the message around it. */
interface MessageField {
  name: string;
  type: string;
  holds: '[]' | '{}' | undefined;
  /** A zero value is kept: the Go type is a pointer. */
  keepsZero: boolean;
}

/** `2containers:[]Container` */
function parseField(text: string): [number, MessageField] {
  const [, number, name = '', holds, type = '', star] =
    /^(\d+)([^:]+):(\[\]|\{\})?([^*]+)(\*)?$/.exec(text) ?? [];
  return [Number(number), { name, type, holds: holds as MessageField['holds'], keepsZero: star === '*' }];
}

const table = new Map(
  messages.split(/\n(?=\S)/).map((message) => {
    const [name = '', ...fields] = message.trim().split(/\s+/);
    return [name, new Map(fields.map(parseField))];
  }),
);

/** A value as it stands on the wire: a number, or bytes. */
type Wire = bigint | Buffer;

function* readWire(bytes: Buffer): Generator<[number, Wire]> {
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(offset++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  while (offset < bytes.length) {
    const tag = Number(varint());
    if ((tag & 7) === 0) yield [tag >> 3, varint()];
    else if ((tag & 7) === 2) {
      const end = Number(varint()) + offset;
      if (end > bytes.length) throw new RangeError('the message is cut off');
      yield [tag >> 3, bytes.subarray(offset, end)];
      offset = end;
    } else throw new RangeError(`wire type ${tag & 7}`);
  }
}

const toBuffer = (value: Wire | undefined): Buffer => (Buffer.isBuffer(value) ? value : Buffer.alloc(0));
const toText = (value: Wire | undefined): string => toBuffer(value).toString('utf8');
const fieldsIn = (value: Wire | undefined): Map<number, Wire> => new Map(readWire(toBuffer(value)));

/** Types with a form of their own in JSON. */
const specialTypes: Record<string, (value: Wire) => unknown> = {
  s: toText,
  y: (value) => toBuffer(value).toString('base64'),
  i: Number,
  b: (value) => value === 1n,
  Quantity: (value) => toText(fieldsIn(value).get(1)),
  // The server sets all times of what kubectl creates.
  Time: () => undefined,
  IntOrString(value) {
    const fields = fieldsIn(value);
    return fields.get(1) === 1n ? toText(fields.get(3)) : Number(fields.get(2) ?? 0);
  },
};

/** What Go leaves out of JSON: empty texts and lists, zeros, and objects without fields. */
function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** Whether a value is zero or a message of zeros alone, as an object's status that was never set. */
function isEmpty(wire: Wire): boolean {
  if (!Buffer.isBuffer(wire)) return wire === 0n;
  try {
    return [...readWire(wire)].every(([, value]) => isEmpty(value));
  } catch {
    return false;
  }
}

const unreadable = (what: string): StatusError =>
  badRequest(`the sandbox cannot read ${what} from protobuf; send JSON, as kubectl apply does`);

function decode(type: string, wire: Wire): unknown {
  const special = specialTypes[type];
  if (special !== undefined) return special(wire);
  const message = table.get(type);
  if (message === undefined) throw unreadable(type);
  const result: Fields = {};
  for (const [number, value] of readWire(toBuffer(wire))) {
    const field = message.get(number);
    if (field !== undefined) put(result, field, value);
    else if (!isEmpty(value)) throw unreadable(`field ${number} of ${type}`);
  }
  return result;
}

function put(result: Fields, { name, type, holds, keepsZero }: MessageField, wire: Wire): void {
  const before = result[name];
  if (holds === '{}') {
    const entry = fieldsIn(wire);
    const value = decode(type, entry.get(2) ?? Buffer.alloc(0));
    result[name] = { ...(before as Fields | undefined), [toText(entry.get(1))]: value };
    return;
  }
  const value = decode(type, wire);
  if (holds === '[]') result[name] = [...((before as unknown[] | undefined) ?? []), value];
  else if (name === '-') Object.assign(result, value);
  else if (value !== undefined && (keepsZero || !isZero(value))) result[name] = value;
}

/**
 * Reads a body in Kubernetes' protobuf encoding: four magic bytes, then an envelope with the object's type and bytes.
 * @throws StatusError BadRequest when it is none, or has more in it than kubectl itself sends in protobuf.
 */
export function decodeProtobuf(body: Buffer): Fields {
  if (body.toString('latin1', 0, 4) !== 'k8s\0') throw badRequest('the body is not Kubernetes protobuf');
  try {
    const envelope = fieldsIn(body.subarray(4));
    const type = fieldsIn(envelope.get(1));
    const [apiVersion, kind] = [toText(type.get(1)), toText(type.get(2))];
    const own = `${apiVersion}/${kind}`;
    const message = table.has(own) ? own : kind;
    return { ...(decode(message, toBuffer(envelope.get(2))) as Fields), apiVersion, kind };
  } catch (error) {
    if (error instanceof RangeError) throw badRequest(`the protobuf body cannot be read: ${error.message}`);
    throw error;
  }
}
