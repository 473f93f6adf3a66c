import type { StatusCause } from '../api/status-error.ts';
import { isFields } from '../../base/fields.ts';
import { at } from './fields.ts';
import { labelName } from './names.ts';
import type { Check, Rule } from './rules.ts';
import { forbiddenField, invalidValue, named, needed, oneOf, required, unique } from './rules.ts';

const hasBackSteps = (path: string): boolean => path.split('/').includes('..');

/** A path below a folder that it does not leave. */
function descends(path: string, field: string): StatusCause[] {
  return [
    ...(path.startsWith('/') ? [invalidValue(field, path, 'must be a relative path')] : []),
    ...(hasBackSteps(path) ? [invalidValue(field, path, "must not contain '..'")] : []),
  ];
}

/** The real API server leaves the mount's number out of what it says of these paths. */
const withoutLastIndex = (field: string): string => field.replace(/\[\d+\](?=\.[^.]*$)/, '');

const descendingPath: Check = (path, field) =>
  typeof path === 'string' ? descends(path, withoutLastIndex(field)) : [];

/** A file of a volume: names that begin with `..` are the kubelet's own. */
const fileOfVolume: Check = (path, field) => {
  if (typeof path !== 'string') return [];
  const isReserved = path.startsWith('..') && !path.startsWith('../');
  return [...descends(path, field), isReserved && invalidValue(field, path, "must not start with '..'")];
};

/** What of a pod a variable or a file may be taken from. */
const downwardField =
  /^(metadata\.(name|namespace|uid|labels|annotations|(labels|annotations)\['[^']+'\])|spec\.(nodeName|serviceAccountName)|status\.(host|pod)IPs?)$/;

/** The checks of a field of the pod; whole maps are for files alone. */
export const fieldPath: Check[] = [
  needed(),
  (value, path) =>
    Boolean(value) &&
    !(downwardField.test(String(value)) && !/(labels|annotations)$/.test(String(value))) &&
    invalidValue(path, value, `error converting fieldPath: field label not supported: ${String(value)}`),
];

/** The real API server leaves the number of an item of the pod's description out of what it says of it. */
const withoutItem =
  (check: Check): Check =>
  (value, path, parent) =>
    check(value, path.replace(/\.items\[\d+\]/, ''), parent);

const downwardSource: Check = (item, path) =>
  !at(item, 'fieldRef') &&
  !at(item, 'resourceFieldRef') &&
  required(path, 'one of fieldRef and resourceFieldRef is required');

const downwardPath: Check = (value, path) =>
  Boolean(value) &&
  !downwardField.test(String(value)) &&
  invalidValue(path, value, `error converting fieldPath: field label not supported: ${String(value)}`);

const fileMode: Check = (mode, path) =>
  typeof mode === 'number' &&
  (mode < 0 || mode > 0o777) &&
  invalidValue(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive');

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

const tokenPath: Check = (value, path) =>
  !value && required(path.replace(/\.sources\[\d+\]\.serviceAccountToken/, ''));

const tokenSeconds: Check = (value, path) =>
  typeof value === 'number' &&
  value < 600 &&
  invalidValue(path, value, 'may not specify a duration less than 10 minutes');

const modes = 'configMap|secret|downwardAPI';

const noBackSteps: Check = (path, field) =>
  typeof path === 'string' && hasBackSteps(path) && invalidValue(field, path, "must not contain '..'");

const propagation: Check = (value, field, mount) =>
  oneOf('Bidirectional', 'HostToContainer', 'None')(value, withoutLastIndex(field), mount);

const oneSubPath: Check = (expression, field, mount) =>
  Boolean(expression) &&
  Boolean(mount['subPath']) &&
  invalidValue(field, expression, 'subPathExpr and subPath are mutually exclusive');

const oneSource: Check = (volume, path) =>
  isFields(volume) &&
  Object.keys(volume)
    .filter((key) => key !== 'name')
    .slice(1)
    .map((source) => forbiddenField(`${path}.${source}`, 'may not specify more than 1 volume type'));

const projected = 'projected.sources[]';

/** The rules of a pod's volumes; patterns begin at its spec. */
export const volumeRules: Rule[] = [
  ['volumes', unique('name')],
  ['volumes[]', oneSource],
  ['volumes[].name', needed(), named(labelName)],
  ['volumes[].configMap.name', needed()],
  ['volumes[].secret.secretName', needed()],
  ['volumes[].hostPath.path', needed(), noBackSteps],
  ['volumes[].hostPath.type', oneOf(...hostPathTypes)],
  ['volumes[].persistentVolumeClaim.claimName', needed()],
  [`volumes[].${modes}|projected.defaultMode`, fileMode],
  [`volumes[].${projected}.configMap|secret.name`, needed()],
  [`volumes[].${projected}.serviceAccountToken.path`, tokenPath],
  [`volumes[].${projected}.serviceAccountToken.expirationSeconds`, tokenSeconds],
  ...['', `${projected}.`].flatMap((place): Rule[] => [
    [`volumes[].${place}configMap|secret.items[].key`, needed()],
    [`volumes[].${place}configMap|secret.items[].path`, needed(), fileOfVolume],
    [`volumes[].${place}${modes}.items[].mode`, fileMode],
    [`volumes[].${place}downwardAPI.items[]`, withoutItem(downwardSource)],
    [`volumes[].${place}downwardAPI.items[].path`, withoutItem(needed()), withoutItem(fileOfVolume)],
    [
      `volumes[].${place}downwardAPI.items[].fieldRef.fieldPath`,
      withoutItem(needed()),
      withoutItem(downwardPath),
    ],
  ]),
];

/** The rules of a container's mounts; patterns begin at the container. */
export const mountRules: Rule[] = [
  ['volumeMounts[].name|mountPath', needed()],
  ['volumeMounts[].mountPropagation', propagation],
  ['volumeMounts[].subPath|subPathExpr', descendingPath],
  ['volumeMounts[].subPathExpr', oneSubPath],
];
