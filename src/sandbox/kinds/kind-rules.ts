import type { StatusCause } from '../api/status-error.ts';
import { selectorMatches } from '../controllers/selectors.ts';
import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { at, child, items, scalarText, text } from './fields.ts';
import { accessRules } from './access-rules.ts';
import { gatewayRules } from './gateway-rules.ts';
import { checkLabelsAndAnnotations, configKey } from './names.ts';
import { networkRules } from './network-rules.ts';
import { podRules } from './pod-rules.ts';
import { labelSelector } from './selector-rules.ts';
import { storageRules } from './storage-rules.ts';
import type { Check, Rule } from './rules.ts';
import {
  atLeast,
  checkName,
  forbiddenField,
  invalidValue,
  needed,
  oneOf,
  required,
  showMap,
  tooLong,
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

/** The real API server leaves the metadata out of what it says of a template's. */
const checkMetadata: Check = (template, path) =>
  isFields(template) ? checkLabelsAndAnnotations(path, child(template, 'metadata')) : [];

const template: Rule[] = [['template', checkMetadata], ...below('template.spec', podRules)];

/** The selector of a workload can be read and finds the pods of its template. */
const checkSelector =
  (kind: string): Check =>
  (spec, path) => {
    if (!isFields(spec)) return [];
    const selector = child(spec, 'selector');
    const labels = at(spec, 'template', 'metadata', 'labels') as Record<string, string> | undefined;
    const mismatch = (): StatusCause =>
      invalidValue(
        `${path}.template.metadata.labels`,
        labels,
        '`selector` does not match template `labels`',
        showMap(labels),
      );
    if (selector === undefined) return [required(`${path}.selector`), mismatch()];
    const unread = [labelSelector(selector, `${path}.selector`, spec)].flat();
    if (unread.length > 0) {
      const shown = showSelector(selector);
      return [...unread, invalidValue(`${path}.selector`, selector, 'invalid label selector', shown)];
    }
    if (Object.values(selector).every((part) => Object.keys(part as object).length === 0)) {
      const detail = `empty selector is invalid for ${kind}`;
      return invalidValue(`${path}.selector`, selector, detail, showSelector(selector));
    }
    return selectorMatches(selector, labels) ? [] : mismatch();
  };

const alwaysRestarts: Check = (policy, path) =>
  (policy === 'OnFailure' || policy === 'Never') && unsupported(path, policy, ['Always']);

/** Workloads whose pods run endlessly, found by a selector. */
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

const checkPodManagement: Check = (policy, path) =>
  !['OrderedReady', 'Parallel', undefined].includes(policy as string | undefined) &&
  invalidValue(path, policy, "must be 'OrderedReady' or 'Parallel'");

const checkUpdateStrategy: Check = (strategy, path) => {
  const type = at(strategy, 'type');
  const known = ['RollingUpdate', 'OnDelete'];
  return type !== undefined && !known.includes(scalarText(type)) && unsupported(path, type, known);
};

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

const maxDataBytes = 1024 * 1024;

/** Bytes are counted as they are, not in base64. */
function bytesOf(value: unknown, isBase64: boolean): number {
  return Buffer.byteLength(String(value), isBase64 ? 'base64' : 'utf8');
}

const checkData: Check = (object) => {
  const entries = ['data', 'binaryData'].flatMap((part) =>
    Object.entries(child(object as Fields, part) ?? {}).map(([key, value]) => ({ part, key, value })),
  );
  const isSecret = (object as Fields)['kind'] === 'Secret';
  const bytes = entries.reduce(
    (sum, { part, value }) => sum + bytesOf(value, isSecret || part === 'binaryData'),
    0,
  );
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

const checkAutoscaler: Check = (spec) => {
  const { minReplicas = 1, maxReplicas, scaleTargetRef } = isFields(spec) ? spec : {};
  return [
    Number(maxReplicas ?? 0) < Number(minReplicas) &&
      invalidValue('spec.maxReplicas', maxReplicas ?? 0, 'must be greater than or equal to `minReplicas`'),
    ...['kind', 'name'].map((name) => !at(scaleTargetRef, name) && required(`spec.scaleTargetRef.${name}`)),
  ];
};

/** The rules of each built-in kind, as far as pipelines and releases depend on them. */
export const kindRules: Record<string, readonly Rule[]> = {
  ...networkRules,
  ...gatewayRules,
  ...accessRules,
  ...storageRules,
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
    ['spec.podManagementPolicy', checkPodManagement],
    ['spec.updateStrategy', checkUpdateStrategy],
    ['spec.updateStrategy.rollingUpdate.partition', atLeast(0)],
  ),
  DaemonSet: selected(
    'daemonset',
    ['spec.updateStrategy', checkUpdateStrategy],
    ['spec.updateStrategy.rollingUpdate.maxSurge|maxUnavailable', checkPercentage, atLeast(0)],
  ),
  Job: below('spec', jobSpec),
  CronJob: [
    ['spec.schedule', needed(), checkSchedule],
    ['spec.concurrencyPolicy', oneOf('Allow', 'Forbid', 'Replace')],
    ...below('spec.jobTemplate.spec', jobSpec),
  ],
  ConfigMap: [['', checkData]],
  Secret: [
    ['', checkData],
    ['type', checkSecretKeys],
  ],
  PodDisruptionBudget: [['spec', checkBudget]],
  HorizontalPodAutoscaler: [
    ['spec', checkAutoscaler],
    ['spec.minReplicas', atLeast(1)],
    [
      'spec.maxReplicas',
      (value, path) => !(Number(value ?? 0) > 0) && invalidValue(path, value ?? 0, 'must be greater than 0'),
    ],
  ],
  Lease: [
    [
      'spec.leaseDurationSeconds',
      (value, path) =>
        typeof value === 'number' && value <= 0 && invalidValue(path, value, 'must be greater than 0'),
    ],
    ['spec.leaseTransitions', atLeast(0)],
  ],
  CustomResourceDefinition: [
    ['', checkDefinition],
    ['spec.group|scope', needed()],
    ['spec.names.plural|kind', needed()],
    ['spec.scope', oneOf('Cluster', 'Namespaced')],
    ['spec.versions[].name', needed()],
  ],
};
