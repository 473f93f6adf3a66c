import type { Kind, Subresource } from './kind.ts';
import { parseApiVersion, subresources } from './kind.ts';

/**
 * A kind a line, in the order of discovery: apiVersion, kind, plural, short names (`-` for none), then what it is:
 * `cluster` (it has no namespace), `all` (the category), `generation` (counted), `put` (created by PUT), `review` (only posted), and its subresources.
 */
const rows = `
v1 Pod pods po all status log exec attach portforward eviction
v1 Service services svc all status
v1 ConfigMap configmaps cm
v1 Secret secrets -
v1 ServiceAccount serviceaccounts sa token
v1 Endpoints endpoints ep put
v1 Event events ev put
v1 PersistentVolumeClaim persistentvolumeclaims pvc status
v1 LimitRange limitranges limits put
v1 ResourceQuota resourcequotas quota status
v1 Namespace namespaces ns cluster status finalize
v1 Node nodes no cluster status
v1 PersistentVolume persistentvolumes pv cluster status
apps/v1 Deployment deployments deploy all generation status scale
apps/v1 ReplicaSet replicasets rs all generation status scale
apps/v1 StatefulSet statefulsets sts all generation status scale
apps/v1 DaemonSet daemonsets ds all generation status
apps/v1 ControllerRevision controllerrevisions -
batch/v1 Job jobs - all generation status
batch/v1 CronJob cronjobs cj all generation status
discovery.k8s.io/v1 EndpointSlice endpointslices - generation
coordination.k8s.io/v1 Lease leases - put
policy/v1 PodDisruptionBudget poddisruptionbudgets pdb generation status
autoscaling/v2 HorizontalPodAutoscaler horizontalpodautoscalers hpa all status
autoscaling/v1 HorizontalPodAutoscaler horizontalpodautoscalers hpa all status
networking.k8s.io/v1 Ingress ingresses ing generation status
networking.k8s.io/v1 IngressClass ingressclasses - cluster generation
networking.k8s.io/v1 NetworkPolicy networkpolicies netpol generation
rbac.authorization.k8s.io/v1 Role roles - put
rbac.authorization.k8s.io/v1 RoleBinding rolebindings - put
rbac.authorization.k8s.io/v1 ClusterRole clusterroles - cluster put
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings - cluster put
storage.k8s.io/v1 StorageClass storageclasses sc cluster
scheduling.k8s.io/v1 PriorityClass priorityclasses pc cluster generation
apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions crd,crds cluster generation status
authentication.k8s.io/v1 SelfSubjectReview selfsubjectreviews - cluster review
authorization.k8s.io/v1 SelfSubjectAccessReview selfsubjectaccessreviews - cluster review
authorization.k8s.io/v1 SelfSubjectRulesReview selfsubjectrulesreviews - cluster review
`;

/** Kinds that are there without a CustomResourceDefinition although a real cluster needs one. */
const gatewayRows = `
gateway.networking.k8s.io/v1 GatewayClass gatewayclasses gc cluster generation status
gateway.networking.k8s.io/v1 Gateway gateways gtw generation status
gateway.networking.k8s.io/v1 HTTPRoute httproutes - generation status
gateway.networking.k8s.io/v1 ReferenceGrant referencegrants refgrant generation
gateway.networking.k8s.io/v1beta1 GatewayClass gatewayclasses gc cluster generation status
gateway.networking.k8s.io/v1beta1 Gateway gateways gtw generation status
gateway.networking.k8s.io/v1beta1 HTTPRoute httproutes - generation status
gateway.networking.k8s.io/v1beta1 ReferenceGrant referencegrants refgrant generation
`;

/** What the sandbox does not do with the kinds that it stores. */
const shortcomings = {
  'it is not enforced': /^(LimitRange|ResourceQuota|NetworkPolicy|(Cluster)?Role(Binding)?|PriorityClass)$/,
  'it is not run on its schedule': /^CronJob$/,
  'nothing is scaled by it': /^HorizontalPodAutoscaler$/,
  'its schemas, webhooks and conversions do nothing': /^CustomResourceDefinition$/,
};

/** A kind of the table. */
function parse(row: string, isBuiltIn: boolean): Kind {
  const [apiVersion = '', kind = '', plural = '', short = '', ...marks] = row.split(' ');
  const { group, version } = parseApiVersion(apiVersion);
  // The versions of the Gateway API's kinds have the same fields.
  const modelVersion = isBuiltIn ? version.toUpperCase() : 'V1';
  const model = kind === 'Event' ? 'CoreV1Event' : `${modelVersion}${kind}`;
  const [shortcoming] = Object.entries(shortcomings).find(([, kinds]) => kinds.test(kind)) ?? [];
  return {
    group,
    version,
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames: short === '-' ? [] : short.split(','),
    categories: marks.includes('all') ? ['all'] : [],
    namespaced: !marks.includes('cluster'),
    subresources: marks.filter((mark): mark is Subresource => mark in subresources),
    isReview: marks.includes('review'),
    hasGeneration: marks.includes('generation'),
    isCreatedByPut: marks.includes('put'),
    model,
    isCustom: !isBuiltIn,
    warning: shortcoming && `the sandbox stores the ${kind}, but ${shortcoming}`,
  };
}

const parseAll = (text: string, isBuiltIn: boolean): readonly Kind[] =>
  text
    .trim()
    .split('\n')
    .map((row) => parse(row, isBuiltIn));

/** Every built-in kind. A further kind is a further row. */
export const kindTable = parseAll(rows, true);
/** Kinds of the Gateway API: custom ones whose fields are known. */
export const gatewayKinds = parseAll(gatewayRows, false);
