import type { StatusCause } from '../api/status-error.ts';
import { selectorMatches } from '../controllers/selectors.ts';
import { atLeast, forbiddenField, invalidValue, oneOf, required, unsupported } from './causes.ts';
import type { Fields } from './fields.ts';
import { at, child, isFields, text } from './fields.ts';
import { checkLabelsAndAnnotations } from './names.ts';
import { validatePodSpec } from './validate-pod.ts';

type Check = (spec: Fields, field: string) => StatusCause[];

/** A label selector as Go prints it in messages. */
export function showSelector(selector: unknown): string {
  const labels = at(selector, 'matchLabels');
  const shown = isFields(labels)
    ? `map[string]string{${Object.entries(labels)
        .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
        .join(', ')}}`
    : 'map[string]string(nil)';
  return `v1.LabelSelector{MatchLabels:${shown}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}`;
}

function checkTemplate(spec: Fields, field: string): StatusCause[] {
  const template = child(spec, 'template');
  const metadata = child(template, 'metadata');
  return [
    ...checkLabelsAndAnnotations(`${field}.template.metadata`, metadata),
    ...validatePodSpec(`${field}.template.spec`, child(template, 'spec') ?? {}),
  ];
}

/** Workloads whose pods run for ever, found by a selector. */
const checkSelected =
  (kind: string): Check =>
  (spec, field) => {
    const selector = child(spec, 'selector');
    const template = child(spec, 'template');
    const labels = child(child(template, 'metadata'), 'labels');
    const isEmpty =
      selector !== undefined &&
      Object.values(selector).every((part) => Object.keys(part as object).length === 0);
    const matches =
      selector !== undefined && selectorMatches(selector, labels as Record<string, string> | undefined);
    const policy = at(template, 'spec', 'restartPolicy');
    return [
      ...atLeast(`${field}.replicas`, spec['replicas']),
      ...atLeast(`${field}.minReadySeconds`, spec['minReadySeconds']),
      ...atLeast(`${field}.revisionHistoryLimit`, spec['revisionHistoryLimit']),
      ...(selector === undefined ? [required(`${field}.selector`)] : []),
      ...(isEmpty
        ? [
            invalidValue(
              `${field}.selector`,
              selector,
              `empty selector is invalid for ${kind}`,
              showSelector(selector),
            ),
          ]
        : []),
      ...(matches || isEmpty
        ? []
        : [
            invalidValue(
              `${field}.template.metadata.labels`,
              labels,
              '`selector` does not match template `labels`',
              labels === undefined ? 'map[string]string(nil)' : undefined,
            ),
          ]),
      ...checkTemplate(spec, field),
      ...(['Always', undefined].includes(policy as string | undefined) ||
      !['OnFailure', 'Never'].includes(String(policy))
        ? []
        : [unsupported(`${field}.template.spec.restartPolicy`, policy, ['Always'])]),
    ];
  };

/** A number or a percentage; 0 for what is neither. */
function amount(value: unknown): number {
  return typeof value === 'number' ? value : parseInt(String(value), 10) || 0;
}

function checkAmount(field: string, value: unknown): StatusCause[] {
  if (typeof value === 'number') return atLeast(field, value);
  if (typeof value !== 'string') return [];
  if (!/^[0-9]+%$/.test(value)) {
    return [
      invalidValue(
        field,
        value,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ),
    ];
  }
  return [];
}

const checkDeploymentStrategy: Check = (spec, field) => {
  const strategy = child(spec, 'strategy') ?? {};
  const rolling = child(strategy, 'rollingUpdate');
  const place = `${field}.strategy.rollingUpdate`;
  if (strategy['type'] === 'Recreate') {
    return rolling === undefined
      ? []
      : [forbiddenField(place, "may not be specified when strategy `type` is 'Recreate'")];
  }
  if (strategy['type'] !== 'RollingUpdate') {
    return [unsupported(`${field}.strategy`, strategy['type'], ['Recreate', 'RollingUpdate'])];
  }
  const { maxSurge, maxUnavailable } = rolling ?? {};
  const tooMany = typeof maxUnavailable === 'string' && amount(maxUnavailable) > 100;
  const stuck = amount(maxSurge) === 0 && amount(maxUnavailable) === 0;
  return [
    ...checkAmount(`${place}.maxUnavailable`, maxUnavailable),
    ...checkAmount(`${place}.maxSurge`, maxSurge),
    ...(tooMany
      ? [invalidValue(`${place}.maxUnavailable`, maxUnavailable, 'must not be greater than 100%')]
      : []),
    ...(stuck
      ? [invalidValue(`${place}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0')]
      : []),
  ];
};

const checkDeployment: Check = (spec, field) => {
  const deadline = spec['progressDeadlineSeconds'];
  const early = typeof deadline === 'number' && deadline <= Number(spec['minReadySeconds'] ?? 0);
  return [
    ...checkSelected('deployment')(spec, field),
    ...checkDeploymentStrategy(spec, field),
    ...atLeast(`${field}.progressDeadlineSeconds`, deadline),
    ...(early
      ? [invalidValue(`${field}.progressDeadlineSeconds`, deadline, 'must be greater than minReadySeconds')]
      : []),
  ];
};

const checkStatefulSet: Check = (spec, field) => [
  ...checkSelected('statefulset')(spec, field),
  ...(['OrderedReady', 'Parallel'].includes(text(spec, 'podManagementPolicy') ?? '')
    ? []
    : [
        invalidValue(
          `${field}.podManagementPolicy`,
          spec['podManagementPolicy'],
          "must be 'OrderedReady' or 'Parallel'",
        ),
      ]),
  ...oneOf(`${field}.updateStrategy.type`, at(spec, 'updateStrategy', 'type'), ['RollingUpdate', 'OnDelete']),
];

/** A Job's spec, in the Job itself or in a CronJob. */
const checkJob: Check = (spec, field) => {
  const policy = at(spec, 'template', 'spec', 'restartPolicy');
  const place = `${field}.template.spec.restartPolicy`;
  return [
    ...[
      'parallelism',
      'completions',
      'backoffLimit',
      'activeDeadlineSeconds',
      'ttlSecondsAfterFinished',
    ].flatMap((name) => atLeast(`${field}.${name}`, spec[name])),
    ...checkTemplate(spec, field),
    ...(policy === 'Always' ? [required(place, 'valid values: "OnFailure", "Never"')] : []),
  ];
};

const checkCronJob: Check = (spec, field) => {
  const schedule = text(spec, 'schedule') ?? '';
  const parts = schedule.trim().split(/\s+/).length;
  const isShort = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)$/.test(schedule);
  return [
    ...(schedule === '' ? [required(`${field}.schedule`)] : []),
    ...(schedule !== '' && !isShort && parts !== 5
      ? [
          invalidValue(
            `${field}.schedule`,
            schedule,
            `expected exactly 5 fields, found ${parts}: [${schedule}]`,
          ),
        ]
      : []),
    ...oneOf(`${field}.concurrencyPolicy`, spec['concurrencyPolicy'], ['Allow', 'Forbid', 'Replace']),
    ...checkJob(child(child(spec, 'jobTemplate'), 'spec') ?? {}, `${field}.jobTemplate.spec`),
  ];
};

/** The checks of workloads, each on the `spec` of its kind. */
export const workloadChecks: Record<string, Check> = {
  Pod: (spec, field) => validatePodSpec(field, spec),
  Deployment: checkDeployment,
  ReplicaSet: checkSelected('replicaset'),
  StatefulSet: checkStatefulSet,
  DaemonSet: checkSelected('daemonset'),
  Job: checkJob,
  CronJob: checkCronJob,
};
