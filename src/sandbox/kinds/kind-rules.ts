import { isIPv4 } from 'node:net';
import type { StatusCause } from '../api/status-error.ts';
import { selectorMatches } from '../controllers/selectors.ts';
import type { Fields } from './fields.ts';
import { at, child, isFields, items, text } from './fields.ts';
import { checkLabelsAndAnnotations, configKey, labelName } from './names.ts';
import { podRules } from './pod-rules.ts';
import type { Check, Rule } from './rules.ts';
import {
  atLeast,
  between,
  checkName,
  forbiddenField,
  invalidValue,
  named,
  needed,
  oneOf,
  portNumber,
  required,
  showMap,
  tooLong,
  unique,
  unsupported,
} from './rules.ts';

/** Rules for what stands below `prefix`. */
const below = (prefix: string, rules: readonly Rule[]): Rule[] =>
  rules.map(([pattern, ...checks]) => [pattern === '' ? prefix : `${prefix}.${pattern}`, ...checks]);

/** A label selector as Go prints it in messages. */
export function showSelector(selector: unknown): string {
  const labels = showMap(at(selector, 'matchLabels'));
  return `v1.LabelSelector{MatchLabels:${labels}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}`;
}

const checkMetadata: Check = (template, path) =>
  isFields(template) ? checkLabelsAndAnnotations(`${path}.metadata`, child(template, 'metadata')) : [];

const template: Rule[] = [['template', checkMetadata], ...below('template.spec', podRules)];

/** The selector of a workload finds the pods of its template. */
const checkSelector =
  (kind: string): Check =>
  (spec, path) => {
    if (!isFields(spec)) return [];
    const selector = child(spec, 'selector');
    if (selector === undefined) return required(`${path}.selector`);
    const labels = at(spec, 'template', 'metadata', 'labels') as Record<string, string> | undefined;
    if (Object.values(selector).every((part) => Object.keys(part as object).length === 0)) {
      const detail = `empty selector is invalid for ${kind}`;
      return invalidValue(`${path}.selector`, selector, detail, showSelector(selector));
    }
    if (selectorMatches(selector, labels)) return [];
    const detail = '`selector` does not match template `labels`';
    return invalidValue(`${path}.template.metadata.labels`, labels, detail, showMap(labels));
  };

const alwaysRestarts: Check = (policy, path) =>
  (policy === 'OnFailure' || policy === 'Never') && unsupported(path, policy, ['Always']);

/** Workloads whose pods run for ever, found by a selector. */
const selected = (kind: string, ...more: Rule[]): Rule[] => [
  ['spec', checkSelector(kind)],
  ['spec.replicas|minReadySeconds|revisionHistoryLimit', atLeast(0)],
  ...below('spec', template),
  ['spec.template.spec.restartPolicy', alwaysRestarts],
  ...more,
];

/** A number or a percentage; 0 for what is neither. */
const amount = (value: unknown): number =>
  typeof value === 'number' ? value : parseInt(String(value), 10) || 0;

const checkPercentage: Check = (value, path) =>
  typeof value === 'string' &&
  !/^[0-9]+%$/.test(value) &&
  invalidValue(
    path,
    value,
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
  );

const checkStrategy: Check = (strategy, path) => {
  if (!isFields(strategy)) return [];
  const rolling = child(strategy, 'rollingUpdate');
  const place = `${path}.rollingUpdate`;
  if (strategy['type'] === 'Recreate') {
    return rolling && forbiddenField(place, "may not be specified when strategy `type` is 'Recreate'");
  }
  if (strategy['type'] !== 'RollingUpdate') {
    return unsupported(path, strategy['type'], ['Recreate', 'RollingUpdate']);
  }
  const { maxSurge, maxUnavailable } = rolling ?? {};
  const wrong = (detail: string): StatusCause =>
    invalidValue(`${place}.maxUnavailable`, maxUnavailable, detail);
  return [
    typeof maxUnavailable === 'string' &&
      amount(maxUnavailable) > 100 &&
      wrong('must not be greater than 100%'),
    amount(maxSurge) === 0 && amount(maxUnavailable) === 0 && wrong('may not be 0 when `maxSurge` is 0'),
  ];
};

const afterReady: Check = (deadline, path, spec) =>
  typeof deadline === 'number' &&
  deadline <= Number(spec['minReadySeconds'] ?? 0) &&
  invalidValue(path, deadline, 'must be greater than minReadySeconds');

const endsAtLast: Check = (policy, path) =>
  policy === 'Always' && required(path, 'valid values: "OnFailure", "Never"');

/** A Job's spec, in the Job itself or in a CronJob. */
const jobSpec: Rule[] = [
  ['parallelism|completions|backoffLimit|activeDeadlineSeconds|ttlSecondsAfterFinished', atLeast(0)],
  ...template,
  ['template.spec.restartPolicy', endsAtLast],
];

const checkSchedule: Check = (schedule, path) => {
  if (typeof schedule !== 'string' || schedule === '' || schedule.startsWith('@')) return [];
  const parts = schedule.trim().split(/\s+/).length;
  return (
    parts !== 5 && invalidValue(path, schedule, `expected exactly 5 fields, found ${parts}: [${schedule}]`)
  );
};

const checkService: Check = (service) => {
  const spec = child(service as Fields, 'spec') ?? {};
  const ports = items(spec, 'ports');
  const { type, clusterIP } = spec;
  const isAddress = typeof clusterIP !== 'string' || ['', 'None'].includes(clusterIP) || isIPv4(clusterIP);
  return [
    type !== 'ExternalName' && clusterIP !== 'None' && ports.length === 0 && required('spec.ports'),
    type === 'ExternalName' && (text(spec, 'externalName') ?? '') === '' && required('spec.externalName'),
    !isAddress &&
      invalidValue(
        'spec.clusterIPs[0]',
        clusterIP,
        'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ),
    ...ports.flatMap((port, index) => [
      ports.length > 1 && (text(port, 'name') ?? '') === '' && required(`spec.ports[${index}].name`),
      type === 'ClusterIP' &&
        port['nodePort'] !== undefined &&
        forbiddenField(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"),
    ]),
  ];
};

const checkNodePort: Check = (port, path) =>
  typeof port === 'number' &&
  (port < 30000 || port > 32767) &&
  invalidValue(
    path,
    port,
    'provided port is not in the valid range. The range of valid ports is 30000-32767',
  );

const maxDataBytes = 1024 * 1024;

const checkData: Check = (object) => {
  const entries = ['data', 'binaryData'].flatMap((part) =>
    Object.entries(child(object as Fields, part) ?? {}).map(([key, value]) => ({ part, key, value })),
  );
  const bytes = entries.reduce((sum, { value }) => sum + String(value).length, 0);
  return [
    ...entries.flatMap(({ part, key }) => checkName(`${part}[${key}]`, key, configKey)),
    bytes > maxDataBytes && tooLong('', maxDataBytes),
  ];
};

/** Types of Secrets with keys that must be there. */
const keysOfSecretType: Record<string, readonly string[]> = {
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

const checkSecretKeys: Check = (type, _path, secret) =>
  (keysOfSecretType[String(type)] ?? []).map(
    (key) => at(secret, 'data', key) === undefined && required(`data[${key}]`),
  );

/** What the catalog needs to serve the kinds of a definition. */
const checkDefinition: Check = (definition) => {
  const spec = child(definition as Fields, 'spec');
  const name = at(definition, 'metadata', 'name');
  const stored = items(spec, 'versions').filter((version) => version['storage'] === true);
  const fullName = `${text(child(spec, 'names'), 'plural') ?? ''}.${text(spec, 'group') ?? ''}`;
  return [
    name !== fullName && invalidValue('metadata.name', name, 'must be spec.names.plural+"."+spec.group'),
    stored.length !== 1 &&
      invalidValue(
        'spec.versions',
        spec?.['versions'],
        'must have exactly one version marked as storage version',
      ),
  ];
};

const checkBudget: Check = (spec) =>
  at(spec, 'minAvailable') !== undefined &&
  at(spec, 'maxUnavailable') !== undefined &&
  invalidValue('spec', 'minAvailable, maxUnavailable', 'minAvailable and maxUnavailable cannot be both set');

/** The rules of each built-in kind, as far as pipelines and releases depend on them. */
export const kindRules: Record<string, readonly Rule[]> = {
  Pod: below('spec', podRules),
  Deployment: selected(
    'deployment',
    ['spec.strategy', checkStrategy],
    ['spec.strategy.rollingUpdate.maxSurge|maxUnavailable', checkPercentage, atLeast(0)],
    ['spec.progressDeadlineSeconds', atLeast(0), afterReady],
  ),
  ReplicaSet: selected('replicaset'),
  StatefulSet: selected(
    'statefulset',
    ['spec.podManagementPolicy', oneOf('OrderedReady', 'Parallel')],
    ['spec.updateStrategy.type', oneOf('RollingUpdate', 'OnDelete')],
  ),
  DaemonSet: selected('daemonset'),
  Job: below('spec', jobSpec),
  CronJob: [
    ['spec.schedule', needed(), checkSchedule],
    ['spec.concurrencyPolicy', oneOf('Allow', 'Forbid', 'Replace')],
    ...below('spec.jobTemplate.spec', jobSpec),
  ],
  Service: [
    ['', checkService],
    ['spec.type', oneOf('ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort')],
    ['spec.sessionAffinity', oneOf('ClientIP', 'None')],
    ['spec.ports', unique('name')],
    ['spec.ports[].name', named(labelName)],
    ['spec.ports[].port|targetPort', portNumber],
    ['spec.ports[].protocol', oneOf('SCTP', 'TCP', 'UDP')],
    ['spec.ports[].nodePort', checkNodePort],
  ],
  ConfigMap: [['', checkData]],
  Secret: [
    ['', checkData],
    ['type', checkSecretKeys],
  ],
  PersistentVolumeClaim: [
    ['spec.accessModes', needed('at least 1 access mode is required')],
    [
      'spec',
      (spec) =>
        at(spec, 'resources', 'requests', 'storage') === undefined && required('spec.resources[storage]'),
    ],
  ],
  PodDisruptionBudget: [['spec', checkBudget]],
  HorizontalPodAutoscaler: [
    ['spec.maxReplicas', needed(), between(1, 2147483647)],
    ['spec.scaleTargetRef.kind|name', needed()],
  ],
  CustomResourceDefinition: [
    ['', checkDefinition],
    ['spec.group|scope', needed()],
    ['spec.names.plural|kind', needed()],
    ['spec.scope', oneOf('Cluster', 'Namespaced')],
    ['spec.versions[].name', needed()],
  ],
};
