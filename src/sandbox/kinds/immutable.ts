import { sameJson } from '../../base/same-json.ts';
import type { StatusCause } from '../api/status-error.ts';
import { forbiddenField, invalidValue } from './causes.ts';
import type { Fields } from './fields.ts';
import { at, child, items } from './fields.ts';
import { showSelector } from './validate-workloads.ts';

/** What is wrong with a change from `before` to `now`. */
type Check = (now: Fields, before: Fields) => StatusCause[];

const differs = (now: Fields, before: Fields, ...path: string[]): boolean =>
  !sameJson(at(now, ...path), at(before, ...path));

const fixedSelector: Check = (now, before) =>
  differs(now, before, 'spec', 'selector')
    ? [
        invalidValue(
          'spec.selector',
          undefined,
          'field is immutable',
          showSelector(at(now, 'spec', 'selector')),
        ),
      ]
    : [];

/** A copy of a pod's spec without what may be changed. */
function fixedPodSpec(pod: Fields): Fields {
  const spec = structuredClone(child(pod, 'spec') ?? {});
  for (const name of [
    'activeDeadlineSeconds',
    'tolerations',
    'schedulingGates',
    'terminationGracePeriodSeconds',
  ]) {
    Reflect.deleteProperty(spec, name);
  }
  for (const container of [...items(spec, 'containers'), ...items(spec, 'initContainers')]) {
    delete container['image'];
    delete container['resources'];
  }
  // Binding to a node is the scheduler's change.
  delete spec['nodeName'];
  return spec;
}

const checkPod: Check = (now, before) => {
  const node = at(before, 'spec', 'nodeName');
  const moved = node !== undefined && node !== at(now, 'spec', 'nodeName');
  if (!moved && sameJson(fixedPodSpec(now), fixedPodSpec(before))) return [];
  return [
    forbiddenField(
      'spec',
      'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
        '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
        '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
    ),
  ];
};

const changeableOfStatefulSet = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

const checkStatefulSet: Check = (now, before) => {
  const names = new Set([
    ...Object.keys(child(now, 'spec') ?? {}),
    ...Object.keys(child(before, 'spec') ?? {}),
  ]);
  const changed = [...names].some(
    (name) => !changeableOfStatefulSet.includes(name) && differs(now, before, 'spec', name),
  );
  const list = changeableOfStatefulSet.map((name) => `'${name}'`);
  return changed
    ? [
        forbiddenField(
          'spec',
          `updates to statefulset spec for fields other than ${list.slice(0, -1).join(', ')} and ${list.at(-1) ?? ''} are forbidden`,
        ),
      ]
    : [];
};

const checkJob: Check = (now, before) => [
  ...fixedSelector(now, before),
  ...['template', 'completionMode'].flatMap((name) =>
    differs(now, before, 'spec', name) && at(now, 'spec', 'suspend') !== true
      ? [invalidValue(`spec.${name}`, undefined, 'field is immutable', 'core.PodTemplateSpec{}')]
      : [],
  ),
  ...(differs(now, before, 'spec', 'completions')
    ? [invalidValue('spec.completions', at(now, 'spec', 'completions'), 'field is immutable')]
    : []),
];

/** ConfigMaps and Secrets that were made immutable. */
const checkFrozen: Check = (now, before) => {
  if (before['immutable'] !== true) return [];
  return ['immutable', 'data', 'binaryData'].flatMap((name) =>
    differs(now, before, name) ? [forbiddenField(name, 'field is immutable when `immutable` is set')] : [],
  );
};

const checkService: Check = (now, before) => {
  const address = at(before, 'spec', 'clusterIP');
  const wasExternal =
    at(before, 'spec', 'type') === 'ExternalName' || at(now, 'spec', 'type') === 'ExternalName';
  if (wasExternal || address === undefined || at(now, 'spec', 'clusterIP') === address) return [];
  const given = JSON.stringify(at(now, 'spec', 'clusterIP') ?? '');
  return [invalidValue('spec.clusterIPs[0]', undefined, 'may not change once set', `[]string{${given}}`)];
};

const checkClaim: Check = (now, before) => {
  const fixed = (claim: Fields): Fields => {
    const { resources: _resources, volumeName: _volume, ...spec } = child(claim, 'spec') ?? {};
    return spec;
  };
  const isBound = at(before, 'status', 'phase') === 'Bound';
  const resized = differs(now, before, 'spec', 'resources') && !isBound;
  const rebound =
    at(before, 'spec', 'volumeName') !== undefined && differs(now, before, 'spec', 'volumeName');
  return resized || rebound || !sameJson(fixed(now), fixed(before))
    ? [
        forbiddenField(
          'spec',
          'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
        ),
      ]
    : [];
};

const checkBinding: Check = (now, before) =>
  differs(now, before, 'roleRef')
    ? [invalidValue('roleRef', at(now, 'roleRef'), 'cannot change roleRef')]
    : [];

/** The checks of changes, by kind. */
export const changeChecks: Record<string, Check> = {
  Pod: checkPod,
  Deployment: fixedSelector,
  ReplicaSet: fixedSelector,
  DaemonSet: fixedSelector,
  StatefulSet: checkStatefulSet,
  Job: checkJob,
  ConfigMap: checkFrozen,
  Secret: (now, before) => [
    ...checkFrozen(now, before),
    ...(differs(now, before, 'type') ? [invalidValue('type', now['type'], 'field is immutable')] : []),
  ],
  Service: checkService,
  PersistentVolumeClaim: checkClaim,
  RoleBinding: checkBinding,
  ClusterRoleBinding: checkBinding,
};
