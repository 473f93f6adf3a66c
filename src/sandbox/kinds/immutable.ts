import { sameJson } from '../../base/same-json.ts';
import type { StatusCause } from '../api/status-error.ts';
import type { Fields } from '../../base/fields.ts';
import { at, child, items } from './fields.ts';
import { showSelector } from './kind-rules.ts';
import { forbiddenField, invalidValue } from './rules.ts';

/** Says what of a change is not allowed. */
type ChangeRule = (now: Fields, before: Fields) => StatusCause | false;

const valueAt = (object: Fields, path: string): unknown => at(object, ...path.split('.'));

const without = (fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));

/** A field of its own; `shown` says how the message tells the value. */
const fixed =
  (path: string, shown?: (value: unknown) => string, detail = 'field is immutable'): ChangeRule =>
  (now, before) => {
    const value = valueAt(now, path);
    return !sameJson(value, valueAt(before, path)) && invalidValue(path, value, detail, shown?.(value));
  };

/** The spec but for the fields that may be changed, which may depend on the object as it was. */
const fixedSpec =
  (
    message: string,
    changeable: (before: Fields) => readonly string[],
    show = (spec: Fields) => spec,
  ): ChangeRule =>
  (now, before) => {
    const [spec, names] = [child(before, 'spec') ?? {}, changeable(before)];
    const part = (of: Fields): Fields => show(without(of, names));
    return !sameJson(part(child(now, 'spec') ?? {}), part(spec)) && forbiddenField('spec', message);
  };

/** ConfigMaps and Secrets that were made immutable. */
const frozen = ['immutable', 'data', 'binaryData'].map((name): ChangeRule => {
  const message = forbiddenField(name, 'field is immutable when `immutable` is set');
  return (now, before) => before['immutable'] === true && !sameJson(now[name], before[name]) && message;
});

const withoutImages = (spec: Fields, list: string): Fields[] =>
  items(spec, list).map((container) => without(container, ['image', 'resources']));

const pod = fixedSpec(
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
    '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
    '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
  (before) => [
    'activeDeadlineSeconds',
    'tolerations',
    'terminationGracePeriodSeconds',
    // Binding to a node is the scheduler's change.
    ...(at(before, 'spec', 'nodeName') === undefined ? ['nodeName'] : []),
  ],
  (spec) => ({
    ...spec,
    containers: withoutImages(spec, 'containers'),
    initContainers: withoutImages(spec, 'initContainers'),
  }),
);

const statefulSet = fixedSpec(
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  () =>
    (
      'replicas ordinals template updateStrategy revisionHistoryLimit persistentVolumeClaimRetentionPolicy ' +
      'minReadySeconds'
    ).split(' '),
);

const claim = fixedSpec(
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
  (before) => [
    ...(at(before, 'status', 'phase') === 'Bound' ? ['resources'] : []),
    ...(at(before, 'spec', 'volumeName') === undefined ? ['volumeName'] : []),
  ],
);

const jobTemplate = fixed('spec.template', () => 'core.PodTemplateSpec{}');

const clusterAddress: ChangeRule = (now, before) => {
  const [address, old] = [valueAt(now, 'spec.clusterIP'), valueAt(before, 'spec.clusterIP')];
  const isExternal = [now, before].some((service) => valueAt(service, 'spec.type') === 'ExternalName');
  if (isExternal || old === undefined || address === old) return false;
  const shown = `[]string{${JSON.stringify(address ?? '')}}`;
  return invalidValue('spec.clusterIPs[0]', undefined, 'may not change once set', shown);
};

const selector = fixed('spec.selector', showSelector);
const role = fixed('roleRef', undefined, 'cannot change roleRef');

/** What may not change, by kind. */
export const changeRules: Record<string, readonly ChangeRule[]> = {
  Pod: [pod],
  Deployment: [selector],
  ReplicaSet: [selector],
  DaemonSet: [selector],
  StatefulSet: [statefulSet],
  Job: [
    selector,
    (now, before) => at(now, 'spec', 'suspend') !== true && jobTemplate(now, before),
    fixed('spec.completionMode'),
    fixed('spec.completions'),
  ],
  ConfigMap: frozen,
  Secret: [...frozen, fixed('type')],
  Service: [clusterAddress],
  PersistentVolumeClaim: [claim],
  RoleBinding: [role],
  ClusterRoleBinding: [role],
};
