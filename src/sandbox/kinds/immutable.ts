import type { StatusCause } from '../api/status-error.ts';
import type { Fields } from './fields.ts';
import { at, child, items } from './fields.ts';
import { showSelector } from './kind-rules.ts';
import { forbiddenField, invalidValue } from './rules.ts';

/** What of an object may not change. */
interface ChangeRule {
  part: (object: Fields) => unknown;
  /** When it may change after all. */
  unless?: (now: Fields, before: Fields) => boolean;
  told: (now: Fields) => StatusCause;
}

const immutable = 'field is immutable';
const valueAt =
  (...path: string[]) =>
  (object: Fields): unknown =>
    at(object, ...path);

/** A field of its own; `shown` says how the message tells the value. */
const fixed = (path: string, shown?: (value: unknown) => string, detail = immutable): ChangeRule => {
  const part = valueAt(...path.split('.'));
  return {
    part,
    told: (now) => {
      const value = part(now);
      return shown === undefined
        ? invalidValue(path, value, detail)
        : invalidValue(path, undefined, detail, shown(value));
    },
  };
};

/** The spec but for some fields. */
const fixedSpec = (changeable: readonly string[], told: string): ChangeRule => ({
  part: (object) =>
    Object.entries(child(object, 'spec') ?? {})
      .filter(([name]) => !changeable.includes(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  told: () => forbiddenField('spec', told),
});

const selector = fixed('spec.selector', showSelector);

/** A pod's spec without what may be changed. Binding to a node is the scheduler's change. */
function fixedPodSpec(pod: Fields): Fields {
  const {
    activeDeadlineSeconds: _deadline,
    tolerations: _tolerations,
    terminationGracePeriodSeconds: _grace,
    nodeName: _node,
    ...spec
  } = child(pod, 'spec') ?? {};
  const fixedContainers = (list: string): unknown[] =>
    items(spec, list).map(({ image: _image, resources: _resources, ...container }) => container);
  return {
    ...spec,
    containers: fixedContainers('containers'),
    initContainers: fixedContainers('initContainers'),
  };
}

const podTold = forbiddenField(
  'spec',
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
    '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
    '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
);

/** ConfigMaps and Secrets that were made immutable. */
const frozen = ['immutable', 'data', 'binaryData'].map((name): ChangeRule => ({
  part: valueAt(name),
  unless: (_now, before) => before['immutable'] !== true,
  told: () => forbiddenField(name, 'field is immutable when `immutable` is set'),
}));

const isSuspended = (now: Fields): boolean => at(now, 'spec', 'suspend') === true;
const showTemplate = (): string => 'core.PodTemplateSpec{}';
const isExternal = (service: Fields): boolean => at(service, 'spec', 'type') === 'ExternalName';
const claimTold =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
const role = fixed('roleRef', undefined, 'cannot change roleRef');

/** What may not change, by kind. */
export const changeRules: Record<string, readonly ChangeRule[]> = {
  Pod: [
    { part: fixedPodSpec, told: () => podTold },
    {
      part: valueAt('spec', 'nodeName'),
      unless: (_now, before) => at(before, 'spec', 'nodeName') === undefined,
      told: () => podTold,
    },
  ],
  Deployment: [selector],
  ReplicaSet: [selector],
  DaemonSet: [selector],
  StatefulSet: [
    fixedSpec(
      [
        'replicas',
        'ordinals',
        'template',
        'updateStrategy',
        'revisionHistoryLimit',
        'persistentVolumeClaimRetentionPolicy',
        'minReadySeconds',
      ],
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
        "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ),
  ],
  Job: [
    selector,
    { ...fixed('spec.template', showTemplate), unless: isSuspended },
    fixed('spec.completionMode'),
    fixed('spec.completions'),
  ],
  ConfigMap: frozen,
  Secret: [...frozen, fixed('type')],
  Service: [
    {
      part: valueAt('spec', 'clusterIP'),
      unless: (now, before) =>
        isExternal(now) || isExternal(before) || at(before, 'spec', 'clusterIP') === undefined,
      told: (now) => {
        const given = JSON.stringify(at(now, 'spec', 'clusterIP') ?? '');
        return invalidValue('spec.clusterIPs[0]', undefined, 'may not change once set', `[]string{${given}}`);
      },
    },
  ],
  PersistentVolumeClaim: [
    fixedSpec(['resources', 'volumeName'], claimTold),
    {
      part: valueAt('spec', 'resources'),
      unless: (_now, before) => at(before, 'status', 'phase') === 'Bound',
      told: () => forbiddenField('spec', claimTold),
    },
    {
      part: valueAt('spec', 'volumeName'),
      unless: (_now, before) => at(before, 'spec', 'volumeName') === undefined,
      told: () => forbiddenField('spec', claimTold),
    },
  ],
  RoleBinding: [role],
  ClusterRoleBinding: [role],
};
