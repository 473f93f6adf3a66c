import { quantityToNumber } from '../kubelet/quantity.ts';
import { at, child, isFields, items, placesOf, scalarText, text } from './fields.ts';
import { configKey, labelName, variableName } from './names.ts';
import type { Check, Rule } from './rules.ts';
import {
  atLeast,
  between,
  forbiddenField,
  invalidValue,
  missing,
  named,
  needed,
  oneOf,
  portNumber,
  required,
  unique,
} from './rules.ts';

/** What of a pod an environment variable may be taken from. */
const downwardField =
  /^(metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])|spec\.(nodeName|serviceAccountName)|status\.(host|pod)IPs?)$/;

const checkFieldPath: Check = (value, path) =>
  typeof value === 'string' &&
  !downwardField.test(value) &&
  invalidValue(path, value, `error converting fieldPath: field label not supported: ${value}`);

const checkSource: Check = (source, path, variable) =>
  isFields(source) && [
    (text(variable, 'value') ?? '') !== '' &&
      invalidValue(path, '', 'may not be specified when `value` is not empty'),
    Object.keys(source).length === 0 &&
      invalidValue(
        path,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
      ),
  ];

/** A probe or a hook does one thing. */
const checkHandler: Check = (holder, path) => {
  if (!isFields(holder)) return [];
  const [first, second] = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'].filter((name) => holder[name]);
  if (first === undefined) return required(path, 'must specify a handler type');
  return [
    second !== undefined && forbiddenField(`${path}.${second}`, 'may not specify more than 1 handler type'),
    first === 'exec' && !Array.isArray(at(holder, 'exec', 'command')) && required(`${path}.exec.command`),
  ];
};

const mustBeOne: Check = (value, path) =>
  value !== undefined && value !== 1 && invalidValue(path, value, 'must be 1');

const uniqueMounts: Check = (_mounts, path, container) => {
  const paths = items(container, 'volumeMounts').map((mount) => mount['mountPath']);
  return paths.map(
    (mountPath, index) =>
      paths.indexOf(mountPath) < index &&
      invalidValue(`${path}[${index}].mountPath`, mountPath, 'must be unique'),
  );
};

const amount = (value: unknown): number => quantityToNumber(String(value)) ?? 0;

const checkResources: Check = (resources, path) => {
  if (!isFields(resources)) return [];
  const limits = child(resources, 'limits') ?? {};
  const negative = ['limits', 'requests'].flatMap((part) =>
    Object.entries(child(resources, part) ?? {}).map(
      ([name, value]) =>
        amount(value) < 0 &&
        invalidValue(`${path}.${part}[${name}]`, value, 'must be greater than or equal to 0'),
    ),
  );
  const above = Object.entries(child(resources, 'requests') ?? {}).map(([name, value]) => {
    const limit = limits[name];
    if (limit === undefined || amount(value) <= amount(limit) || amount(limit) < 0) return undefined;
    const detail = `must be less than or equal to ${name} limit of ${scalarText(limit)}`;
    return invalidValue(`${path}.requests`, value, detail);
  });
  return [...negative, ...above];
};

const checkVolume: Check = (volume, path) =>
  isFields(volume) &&
  Object.keys(volume)
    .filter((key) => key !== 'name')
    .slice(1)
    .map((source) => forbiddenField(`${path}.${source}`, 'may not specify more than 1 volume type'));

/** What the containers name is there, and their own names differ. */
const checkNames: Check = (spec, path) => {
  if (!isFields(spec)) return [];
  const namesIn = (list: string): unknown[] => items(spec, list).map((item) => item['name']);
  const volumes = namesIn('volumes');
  const mounts = placesOf(spec, 'containers|initContainers[].volumeMounts[].name', path);
  const lost = mounts.filter(({ value }) => value && !volumes.includes(value));
  const place = `${path}.initContainers`;
  const repeated = unique('name', namesIn('containers'))(spec['initContainers'], place, spec);
  return [lost.map(({ path: mount, value }) => missing(mount, value)), repeated].flat();
};

const probes = 'livenessProbe|readinessProbe|startupProbe';

const containerRules: Rule[] = [
  ['name', needed(), named(labelName)],
  ['image', needed()],
  ['imagePullPolicy', oneOf('Always', 'IfNotPresent', 'Never')],
  ['resources', checkResources],
  ['ports[].containerPort', (value, path) => (value ? portNumber(value, path, {}) : required(path))],
  ['ports[].protocol', oneOf('SCTP', 'TCP', 'UDP')],
  ['env[].name', needed(), named(variableName)],
  ['env[].valueFrom', checkSource],
  ['env[].valueFrom.fieldRef.fieldPath', checkFieldPath],
  ['env[].valueFrom.configMapKeyRef|secretKeyRef.key', named(configKey)],
  ['volumeMounts', uniqueMounts],
  ['volumeMounts[].name|mountPath', needed()],
  [probes, checkHandler],
  [`${probes}.httpGet|tcpSocket|grpc.port`, portNumber],
  ['livenessProbe|startupProbe.successThreshold', mustBeOne],
  [
    `${probes}.initialDelaySeconds|timeoutSeconds|periodSeconds|successThreshold|failureThreshold`,
    atLeast(0),
  ],
  ['lifecycle.postStart|preStop', checkHandler],
  ['lifecycle.postStart|preStop.httpGet|tcpSocket.port', portNumber],
];

/** The rules of a pod's spec. */
export const podRules: Rule[] = [
  ['', checkNames],
  ['volumes', unique('name')],
  ['volumes[]', checkVolume],
  ['volumes[].name', needed(), named(labelName)],
  ['volumes[].configMap.name', needed()],
  ['volumes[].secret.secretName', needed()],
  ['volumes[].hostPath.path', needed()],
  ['containers', needed(), unique('name')],
  ['initContainers', unique('name')],
  ...containerRules.map(([pattern, ...checks]): Rule => [
    `containers|initContainers[].${pattern}`,
    ...checks,
  ]),
  ['restartPolicy', oneOf('Always', 'OnFailure', 'Never')],
  ['dnsPolicy', oneOf('ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None')],
  ['terminationGracePeriodSeconds', atLeast(0)],
  ['activeDeadlineSeconds', between(1, 2147483647)],
];
