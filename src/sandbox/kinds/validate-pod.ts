import type { StatusCause } from '../api/status-error.ts';
import { quantityToNumber } from '../kubelet/quantity.ts';
import {
  atLeast,
  duplicate,
  forbiddenField,
  invalidValue,
  missing,
  noDuplicates,
  oneOf,
  portNumber,
  required,
} from './causes.ts';
import type { Fields } from './fields.ts';
import { at, child, isFields, items, scalarText, text } from './fields.ts';
import { checkName, configKey, labelName, variableName } from './names.ts';

const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc'];
const hookHandlers = [...handlers.slice(0, 3), 'sleep'];
/** What of a pod an environment variable may be taken from, beside labels and annotations by key. */
const downwardFields = new Set([
  ...['metadata.name', 'metadata.namespace', 'metadata.uid'],
  ...[
    'spec.nodeName',
    'spec.serviceAccountName',
    'status.hostIP',
    'status.hostIPs',
    'status.podIP',
    'status.podIPs',
  ],
]);
const keyedField = /^metadata\.(labels|annotations)\['[^']+'\]$/;

function checkHandler(field: string, holder: Fields, known: readonly string[]): StatusCause[] {
  const given = known.filter((name) => holder[name] !== undefined);
  if (given.length === 0) return [required(field, 'must specify a handler type')];
  const [, second] = given;
  const port = at(holder, 'httpGet', 'port') ?? at(holder, 'tcpSocket', 'port') ?? at(holder, 'grpc', 'port');
  return [
    ...(second === undefined
      ? []
      : [forbiddenField(`${field}.${second}`, 'may not specify more than 1 handler type')]),
    ...portNumber(`${field}.${given[0] ?? ''}.port`, port),
    ...(isFields(holder['exec']) && !Array.isArray(holder['exec']['command'])
      ? [required(`${field}.exec.command`)]
      : []),
  ];
}

function checkProbes(field: string, container: Fields): StatusCause[] {
  return ['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap((name) => {
    const probe = child(container, name);
    const place = `${field}.${name}`;
    if (probe === undefined) return [];
    const mustBeOne = name !== 'readinessProbe' && probe['successThreshold'] !== 1;
    return [
      ...checkHandler(place, probe, handlers),
      ...[
        'initialDelaySeconds',
        'timeoutSeconds',
        'periodSeconds',
        'successThreshold',
        'failureThreshold',
      ].flatMap((number) => atLeast(`${place}.${number}`, probe[number])),
      ...(mustBeOne
        ? [invalidValue(`${place}.successThreshold`, probe['successThreshold'], 'must be 1')]
        : []),
    ];
  });
}

function checkEnvironment(field: string, container: Fields): StatusCause[] {
  return items(container, 'env').flatMap((variable, index) => {
    const place = `${field}.env[${index}]`;
    const name = text(variable, 'name');
    const source = child(variable, 'valueFrom');
    const path = at(source, 'fieldRef', 'fieldPath');
    const known = typeof path !== 'string' || downwardFields.has(path) || keyedField.test(path);
    const pathPlace = `${place}.valueFrom.fieldRef.fieldPath`;
    const both = source !== undefined && (text(variable, 'value') ?? '') !== '';
    return [
      ...(name === undefined ? [required(`${place}.name`)] : checkName(`${place}.name`, name, variableName)),
      ...(known
        ? []
        : [invalidValue(pathPlace, path, `error converting fieldPath: field label not supported: ${path}`)]),
      ...(both
        ? [invalidValue(`${place}.valueFrom`, '', 'may not be specified when `value` is not empty')]
        : []),
      ...(source !== undefined && Object.keys(source).length === 0
        ? [
            invalidValue(
              `${place}.valueFrom`,
              '',
              'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
            ),
          ]
        : []),
      ...['configMapKeyRef', 'secretKeyRef'].flatMap((reference) => {
        const key = at(source, reference, 'key');
        return typeof key === 'string'
          ? checkName(`${place}.valueFrom.${reference}.key`, key, configKey)
          : [];
      }),
    ];
  });
}

function checkMounts(field: string, container: Fields, volumes: ReadonlySet<unknown>): StatusCause[] {
  const mounts = items(container, 'volumeMounts');
  const paths = mounts.map((mount) => mount['mountPath']);
  return mounts.flatMap((mount, index) => {
    const place = `${field}.volumeMounts[${index}]`;
    const path = text(mount, 'mountPath') ?? '';
    const name = text(mount, 'name') ?? '';
    return [
      ...(name === ''
        ? [required(`${place}.name`)]
        : volumes.has(name)
          ? []
          : [missing(`${place}.name`, name)]),
      ...(path === '' ? [required(`${place}.mountPath`)] : []),
      ...(paths.indexOf(path) < index ? [invalidValue(`${place}.mountPath`, path, 'must be unique')] : []),
    ];
  });
}

function checkResources(field: string, container: Fields): StatusCause[] {
  const resources = child(container, 'resources');
  const limits = child(resources, 'limits') ?? {};
  const requests = child(resources, 'requests') ?? {};
  const number = (value: unknown): number => quantityToNumber(String(value)) ?? 0;
  const negative = (part: string, amounts: Fields): StatusCause[] =>
    Object.entries(amounts).flatMap(([name, value]) =>
      number(value) < 0
        ? [invalidValue(`${field}.resources.${part}[${name}]`, value, 'must be greater than or equal to 0')]
        : [],
    );
  return [
    ...negative('limits', limits),
    ...negative('requests', requests),
    ...Object.entries(requests).flatMap(([name, value]) => {
      const limit = limits[name];
      return limit === undefined || number(value) <= number(limit) || number(limit) < 0
        ? []
        : [
            invalidValue(
              `${field}.resources.requests`,
              value,
              `must be less than or equal to ${name} limit of ${scalarText(limit)}`,
            ),
          ];
    }),
  ];
}

function checkPorts(field: string, container: Fields): StatusCause[] {
  return items(container, 'ports').flatMap((port, index) => {
    const place = `${field}.ports[${index}]`;
    const number = port['containerPort'];
    return [
      ...(number === undefined || number === 0 ? [required(`${place}.containerPort`)] : []),
      ...(number === 0 ? [] : portNumber(`${place}.containerPort`, number)),
      ...oneOf(`${place}.protocol`, port['protocol'], ['SCTP', 'TCP', 'UDP']),
    ];
  });
}

function checkContainer(field: string, container: Fields, volumes: ReadonlySet<unknown>): StatusCause[] {
  const name = text(container, 'name') ?? '';
  const lifecycle = child(container, 'lifecycle');
  const hooks = ['postStart', 'preStop'].flatMap((hook) => {
    const given = child(lifecycle, hook);
    return given === undefined ? [] : checkHandler(`${field}.lifecycle.${hook}`, given, hookHandlers);
  });
  return [
    ...(name === '' ? [required(`${field}.name`)] : checkName(`${field}.name`, name, labelName)),
    ...((text(container, 'image') ?? '') === '' ? [required(`${field}.image`)] : []),
    ...hooks,
    ...checkProbes(field, container),
    ...checkPorts(field, container),
    ...checkEnvironment(field, container),
    ...checkMounts(field, container, volumes),
    ...oneOf(`${field}.imagePullPolicy`, container['imagePullPolicy'], ['Always', 'IfNotPresent', 'Never']),
    ...checkResources(field, container),
  ];
}

function checkVolume(field: string, volume: Fields): StatusCause[] {
  const name = text(volume, 'name') ?? '';
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  return [
    ...(name === '' ? [required(`${field}.name`)] : checkName(`${field}.name`, name, labelName)),
    ...sources
      .slice(1)
      .map((source) => forbiddenField(`${field}.${source}`, 'may not specify more than 1 volume type')),
    ...(isFields(volume['configMap']) && (text(volume['configMap'], 'name') ?? '') === ''
      ? [required(`${field}.configMap.name`)]
      : []),
    ...(isFields(volume['secret']) && (text(volume['secret'], 'secretName') ?? '') === ''
      ? [required(`${field}.secret.secretName`)]
      : []),
    ...(isFields(volume['hostPath']) && (text(volume['hostPath'], 'path') ?? '') === ''
      ? [required(`${field}.hostPath.path`)]
      : []),
  ];
}

/** What is wrong with a pod's spec, or a template's, that stands at `field`. */
export function validatePodSpec(field: string, spec: Fields): StatusCause[] {
  const volumes = items(spec, 'volumes');
  const names = volumes.map((volume) => volume['name']);
  const known = new Set(names);
  const containers = items(spec, 'containers');
  const init = items(spec, 'initContainers');
  const all = [...containers, ...init].map((container) => container['name']);
  return [
    ...volumes.flatMap((volume, index) => checkVolume(`${field}.volumes[${index}]`, volume)),
    ...noDuplicates(names, (index) => `${field}.volumes[${index}].name`),
    ...(containers.length === 0 ? [required(`${field}.containers`)] : []),
    ...containers.flatMap((container, index) =>
      checkContainer(`${field}.containers[${index}]`, container, known),
    ),
    ...init.flatMap((container, index) =>
      checkContainer(`${field}.initContainers[${index}]`, container, known),
    ),
    ...all.flatMap((name, index) => {
      const place =
        index < containers.length ? `containers[${index}]` : `initContainers[${index - containers.length}]`;
      return name !== undefined && all.indexOf(name) < index
        ? [duplicate(`${field}.${place}.name`, name)]
        : [];
    }),
    ...oneOf(`${field}.restartPolicy`, spec['restartPolicy'], ['Always', 'OnFailure', 'Never']),
    ...oneOf(`${field}.dnsPolicy`, spec['dnsPolicy'], [
      'ClusterFirstWithHostNet',
      'ClusterFirst',
      'Default',
      'None',
    ]),
    ...atLeast(`${field}.terminationGracePeriodSeconds`, spec['terminationGracePeriodSeconds']),
    ...(typeof spec['activeDeadlineSeconds'] === 'number' && spec['activeDeadlineSeconds'] < 1
      ? [
          invalidValue(
            `${field}.activeDeadlineSeconds`,
            spec['activeDeadlineSeconds'],
            'must be between 1 and 2147483647, inclusive',
          ),
        ]
      : []),
  ];
}
