import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes src/sandbox/api/protobuf/messages.ts: which field of the Kubernetes API has which number in protobuf. It is
 * read from the Go types: `node scripts/protobuf-messages.ts API_CHECKOUT APIMACHINERY_CHECKOUT`, with checkouts of
 * github.com/kubernetes/api and github.com/kubernetes/apimachinery.
 */
const [api = '', machinery = ''] = process.argv.slice(2);

/** Package → its file of types, and the names by which it imports others. */
const packages: Record<string, string> = {
  meta: join(machinery, 'pkg/apis/meta/v1/types.go'),
  core: join(api, 'core/v1/types.go'),
  apps: join(api, 'apps/v1/types.go'),
  batch: join(api, 'batch/v1/types.go'),
  discovery: join(api, 'discovery/v1/types.go'),
  coordination: join(api, 'coordination/v1/types.go'),
  policy: join(api, 'policy/v1/types.go'),
  autoscaling: join(api, 'autoscaling/v1/types.go'),
  autoscalingv2: join(api, 'autoscaling/v2/types.go'),
  networking: join(api, 'networking/v1/types.go'),
  rbac: join(api, 'rbac/v1/types.go'),
  storage: join(api, 'storage/v1/types.go'),
  scheduling: join(api, 'scheduling/v1/types.go'),
  events: join(api, 'events/v1/types.go'),
  authentication: join(api, 'authentication/v1/types.go'),
  authorization: join(api, 'authorization/v1/types.go'),
};
const imports: Record<string, string> = { metav1: 'meta', v1: 'core', corev1: 'core', apiv1: 'core' };
/** Types with a form of their own in JSON; the decoder knows them by these names. */
const special: Record<string, string> = {
  'resource.Quantity': 'Quantity',
  'intstr.IntOrString': 'IntOrString',
  'runtime.RawExtension': 'Raw',
  'runtime.Object': 'Raw',
  'meta.Time': 'Time',
  'meta.MicroTime': 'Time',
  'meta.Duration': 'Duration',
  'meta.FieldsV1': 'Raw',
};
const scalars: Record<string, string> = {
  string: 's',
  'types.UID': 's',
  int: 'i',
  int32: 'i',
  int64: 'i',
  bool: 'b',
  float64: 'd',
  '[]byte': 'y',
};
const roots =
  `core.Pod core.Service core.ConfigMap core.Secret core.ServiceAccount core.Endpoints core.Event core.Namespace core.Node
  core.PersistentVolume core.PersistentVolumeClaim core.ReplicationController core.LimitRange core.ResourceQuota
  core.PodTemplate core.Binding apps.Deployment apps.ReplicaSet apps.StatefulSet apps.DaemonSet apps.ControllerRevision
  batch.Job batch.CronJob discovery.EndpointSlice coordination.Lease policy.PodDisruptionBudget policy.Eviction
  autoscaling.Scale autoscaling.HorizontalPodAutoscaler autoscalingv2.HorizontalPodAutoscaler networking.Ingress networking.IngressClass
  networking.NetworkPolicy rbac.Role rbac.RoleBinding rbac.ClusterRole rbac.ClusterRoleBinding storage.StorageClass
  scheduling.PriorityClass events.Event meta.DeleteOptions authentication.TokenRequest authentication.TokenReview
  authentication.SelfSubjectReview authorization.SelfSubjectAccessReview authorization.SelfSubjectRulesReview
  authorization.SubjectAccessReview authorization.LocalSubjectAccessReview`.split(/\s+/);

const structs = new Map<string, string>();
const aliases = new Map<string, string>();
for (const [name, path] of Object.entries(packages)) {
  const source = readFileSync(path, 'utf8');
  for (const [, type = '', body = ''] of source.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    structs.set(`${name}.${type}`, body);
  }
  for (const [, type = '', target = ''] of source.matchAll(/^type (\w+) =? ?((?!struct|interface)\S+)$/gm)) {
    aliases.set(`${name}.${type}`, target);
  }
}

/** A Go type in the table's notation, seen from `package_`; `*` marks one whose zero means something. */
function notation(type: string, package_: string): string {
  if (type.startsWith('*')) return `${notation(type.slice(1), package_)}*`;
  const scalar = scalars[type];
  if (scalar !== undefined) return scalar;
  if (type.startsWith('[]')) return `[]${notation(type.slice(2), package_)}`;
  const map = /^map\[[\w.]+\](.+)$/.exec(type)?.[1];
  if (map !== undefined) return `{}${notation(map, package_)}`;
  const [before, after] = type.includes('.') ? type.split('.') : [package_, type];
  const full = `${imports[before ?? ''] ?? before ?? ''}.${after ?? ''}`;
  return namedNotation(full);
}

/** A named type in the table's notation. */
function namedNotation(full: string): string {
  const known = special[full];
  if (known !== undefined) return known;
  const alias = aliases.get(full);
  // A type of another package, behind an alpha feature: its field is left out.
  if (alias === undefined) return structs.has(full) ? full : 'unknown';
  // A named list or map is a message of its own in protobuf when it is not a field's own type.
  return full.endsWith('.ExtraValue') ? 'Items' : notation(alias, full.split('.')[0] ?? '');
}

const lines: string[] = [];
const done = new Set<string>();
const waiting = [...roots];
for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
  if (done.has(name)) continue;
  done.add(name);
  const [package_ = ''] = name.split('.');
  const fields = [
    ...(structs.get(name) ?? '').matchAll(
      /^\s+(?:\w+ +)?(\S+)\s+`json:"([^"]*)"[^`\n]*protobuf:"([^"]*)"`/gm,
    ),
  ];
  const shown = fields.flatMap(([, type = '', json = '', tag = '']) => {
    const number = tag.split(',')[1] ?? '';
    const kind = notation(type, package_);
    if (kind.includes('unknown')) return [];
    const target = /[a-z0-9]+\.\w+/.exec(kind)?.[0];
    if (target !== undefined) waiting.push(target);
    return [`${number}${json.split(',')[0] || '-'}:${kind.replace(`${package_}.`, '.')}`];
  });
  lines.push(`${name} ${shown.join(' ')}`.trim());
}
writeFileSync(
  'src/sandbox/api/protobuf/messages.ts',
  `// Written by scripts/protobuf-messages.ts from the Go types of Kubernetes (Apache License 2.0).
/* eslint max-lines: off -- a table, one line a message */

/**
 * A message a line: its name, then its fields as NUMBER NAME:TYPE. Types: s text, i integer, b boolean, d double,
 * y bytes, \`.Name\` a message of the same package; [] list, {} map by text, * a zero value means something.
 * \`-\` instead of a name: the message's fields belong to the one around it.
 */
export const messages = \`${lines.join('\n')}\`;
`,
);
