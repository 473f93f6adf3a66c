import type { StatusCause } from '../api/status-error.ts';
import { quantityToNumber } from '../kubelet/quantity.ts';
import { isFields } from '../../base/fields.ts';
import { at, child, items, placesOf, scalarText, text } from './fields.ts';
import { checkKey, configKey, labelName, subdomainName, variableName } from './names.ts';
import { containerPort, portName, portOrName } from './port-rules.ts';
import type { Check, Rule } from './rules.ts';
import { schedulingRules } from './scheduling-rules.ts';
import { fieldPath, mountRules, volumeRules } from './volume-rules.ts';
import {
  atLeast,
  between,
  checkName,
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
    first === 'exec' && needed()(at(holder, 'exec', 'command'), `${path}.exec.command`, holder),
  ].flat();
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

const standardResource = /^(cpu|memory|ephemeral-storage|hugepages-.+)$/;

/** What a container can ask for: a resource that Kubernetes knows, or one that its name tells the owner of. */
const resourceName = (name: string, path: string): StatusCause[] =>
  name.includes('/')
    ? checkKey(path, name)
    : standardResource.test(name)
      ? []
      : [
          invalidValue(path, name, 'must be a standard resource type or fully qualified'),
          invalidValue(path, name, 'must be a standard resource for containers'),
        ];

const amount = (value: unknown): number => quantityToNumber(String(value)) ?? 0;

const checkResources: Check = (resources, path) => {
  if (!isFields(resources)) return [];
  const limits = child(resources, 'limits') ?? {};
  const names = ['limits', 'requests'].flatMap((part) =>
    Object.keys(child(resources, part) ?? {}).flatMap((name) =>
      resourceName(name, `${path}.${part}[${name}]`),
    ),
  );
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
  return [...names, ...negative, ...above];
};

/** What the containers name is there, and their own names differ. */
const checkNames: Check = (spec, path) => {
  if (!isFields(spec)) return [];
  const namesIn = (list: string): unknown[] => items(spec, list).map((item) => item['name']);
  const volumes = namesIn('volumes');
  const mounts = placesOf(spec, 'containers|initContainers[].volumeMounts[].name', path);
  const lost = mounts.filter(({ value }) => !volumes.includes(value ?? ''));
  const place = `${path}.initContainers`;
  const repeated = unique('name', namesIn('containers'))(spec['initContainers'], place, spec);
  return [lost.map(({ path: mount, value }) => missing(mount, value)), repeated].flat();
};

const checkMessagePolicy: Check = (policy, path) =>
  !['File', 'FallbackToLogsOnError', undefined].includes(policy as string | undefined) &&
  invalidValue(path, policy, "must be 'File' or 'FallbackToLogsOnError'");

/** The name of an object that must be given. */
const objectName: Check = (name, path) => checkName(path, scalarText(name), subdomainName);

const resources = ['limits', 'requests'].flatMap((part) =>
  ['cpu', 'ephemeral-storage', 'memory'].map((name) => `${part}.${name}`),
);
const containerResource: Check = (value, path) =>
  Boolean(value) &&
  !/^(limits|requests)\.hugepages-./.test(scalarText(value)) &&
  oneOf(...resources)(value, path, {});

const checkEnvironmentSource: Check = (source, path) => {
  const sources = ['configMapRef', 'secretRef'].filter((name) => at(source, name));
  const list = path.replace(/\[\d+\]$/, '');
  return [
    sources.length === 0 && invalidValue(list, '', 'must specify one of: `configMapRef` or `secretRef`'),
    sources.length > 1 && invalidValue(list, '', 'may not have more than one field specified at a time'),
  ];
};

const headerName: Check = (name, path) =>
  !/^[-A-Za-z0-9]+$/.test(scalarText(name)) &&
  invalidValue(
    path.replace(/\[\d+\]\.name$/, ''),
    name ?? '',
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
  );

const securityRules = (ids: string): Rule[] => [
  ...ids.split('|').map((id): Rule => [`securityContext.${id}`, between(0, 2147483647)]),
  [
    'securityContext.seccompProfile.type',
    needed('type is required when seccompProfile is set'),
    oneOf('', 'Localhost', 'RuntimeDefault', 'Unconfined'),
  ],
];

const probes = 'livenessProbe|readinessProbe|startupProbe';

const containerRules: Rule[] = [
  ['name', needed(), named(labelName)],
  ['image', needed()],
  ['imagePullPolicy', oneOf('Always', 'IfNotPresent', 'Never')],
  ['resources', checkResources],
  ['terminationMessagePolicy', checkMessagePolicy],
  ['ports', unique('name')],
  ['ports[].name', portName],
  ['ports[].containerPort', containerPort],
  ['ports[].protocol', oneOf('SCTP', 'TCP', 'UDP')],
  ['env[].name', needed(), named(variableName)],
  ['env[].valueFrom', checkSource],
  ['env[].valueFrom.fieldRef.fieldPath', ...fieldPath],
  ['env[].valueFrom.configMapKeyRef|secretKeyRef.key', needed(), named(configKey)],
  ['env[].valueFrom.configMapKeyRef|secretKeyRef.name', objectName],
  ['env[].valueFrom.resourceFieldRef.resource', needed(), containerResource],
  ['envFrom[]', checkEnvironmentSource],
  ['envFrom[].configMapRef|secretRef.name', needed(), named(subdomainName)],
  ['volumeMounts', uniqueMounts],
  ...mountRules,
  [probes, checkHandler],
  [`${probes}.httpGet|tcpSocket.port`, portOrName],
  [`${probes}.grpc.port`, portNumber],
  [`${probes}.httpGet.scheme`, oneOf('HTTP', 'HTTPS')],
  [`${probes}.httpGet.httpHeaders[].name`, headerName],
  ['livenessProbe|startupProbe.successThreshold', mustBeOne],
  [
    `${probes}.initialDelaySeconds|timeoutSeconds|periodSeconds|successThreshold|failureThreshold`,
    atLeast(0),
  ],
  ['lifecycle.postStart|preStop', checkHandler],
  ['lifecycle.postStart|preStop.httpGet|tcpSocket.port', portOrName],
  ...securityRules('runAsUser|runAsGroup'),
];

/** The rules of a pod's spec. */
export const podRules: Rule[] = [
  ['', checkNames],
  ...volumeRules,
  ...schedulingRules,
  ...securityRules('runAsUser|runAsGroup|fsGroup|supplementalGroups[]'),
  ['securityContext.fsGroupChangePolicy', oneOf('OnRootMismatch', 'Always')],
  ['securityContext.sysctls', unique('name')],
  ['securityContext.sysctls[].name', needed()],
  ['hostname|subdomain', named(labelName)],
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
