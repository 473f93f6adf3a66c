import { isIPv4 } from 'node:net';
import type { StatusCause } from '../api/status-error.ts';
import { forbiddenField, invalidValue, noDuplicates, oneOf, portNumber, required } from './causes.ts';
import type { Fields } from './fields.ts';
import { at, child, items, text } from './fields.ts';
import { checkName, configKey, labelName } from './names.ts';

type Check = (object: Fields) => StatusCause[];

const serviceTypes = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const maxDataBytes = 1024 * 1024;

function checkServicePort(
  port: Fields,
  index: number,
  { type, count }: { type: unknown; count: number },
): StatusCause[] {
  const field = `spec.ports[${index}]`;
  const name = text(port, 'name') ?? '';
  const node = port['nodePort'];
  return [
    ...(name === '' && count > 1 ? [required(`${field}.name`)] : []),
    ...(name === '' ? [] : checkName(`${field}.name`, name, labelName)),
    ...portNumber(`${field}.port`, port['port']),
    ...portNumber(`${field}.targetPort`, port['targetPort']),
    ...oneOf(`${field}.protocol`, port['protocol'], ['SCTP', 'TCP', 'UDP']),
    ...(type === 'ClusterIP' && node !== undefined
      ? [forbiddenField(`${field}.nodePort`, "may not be used when `type` is 'ClusterIP'")]
      : []),
    ...(typeof node === 'number' && type !== 'ClusterIP' && (node < 30000 || node > 32767)
      ? [
          invalidValue(
            `${field}.nodePort`,
            node,
            'provided port is not in the valid range. The range of valid ports is 30000-32767',
          ),
        ]
      : []),
  ];
}

const checkService: Check = (service) => {
  const spec = child(service, 'spec') ?? {};
  const ports = items(spec, 'ports');
  const { type, clusterIP } = spec;
  const needsPorts = type !== 'ExternalName' && clusterIP !== 'None';
  const badAddress =
    typeof clusterIP === 'string' && clusterIP !== 'None' && clusterIP !== '' && !isIPv4(clusterIP);
  return [
    ...(needsPorts && ports.length === 0 ? [required('spec.ports')] : []),
    ...(type === 'ExternalName' && (text(spec, 'externalName') ?? '') === ''
      ? [required('spec.externalName')]
      : []),
    ...ports.flatMap((port, index) => checkServicePort(port, index, { type, count: ports.length })),
    ...noDuplicates(
      ports.map((port) => port['name']),
      (index) => `spec.ports[${index}].name`,
    ),
    ...oneOf('spec.type', type, serviceTypes),
    ...oneOf('spec.sessionAffinity', spec['sessionAffinity'], ['ClientIP', 'None']),
    ...(badAddress
      ? [
          invalidValue(
            'spec.clusterIPs[0]',
            clusterIP,
            'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
          ),
        ]
      : []),
  ];
};

function checkKeys(object: Fields, parts: readonly string[]): StatusCause[] {
  const entries = parts.flatMap((part) =>
    Object.entries(child(object, part) ?? {}).map(([key, value]) => ({ part, key, value })),
  );
  const bytes = entries.reduce((sum, { value }) => sum + String(value).length, 0);
  return [
    ...entries.flatMap(({ part, key }) => checkName(`${part}[${key}]`, key, configKey)),
    ...(bytes > maxDataBytes
      ? [
          {
            reason: 'FieldValueTooLong',
            message: `Too long: must have at most ${maxDataBytes} bytes`,
            field: '',
          },
        ]
      : []),
  ];
}

/** Types of Secrets with keys that must be there. */
const keysOfSecretType: Record<string, readonly string[]> = {
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

const checkSecret: Check = (secret) => [
  ...checkKeys(secret, ['data']),
  ...(keysOfSecretType[text(secret, 'type') ?? ''] ?? []).flatMap((key) =>
    at(secret, 'data', key) === undefined ? [required(`data[${key}]`)] : [],
  ),
];

/** What the catalog needs to serve the kinds of a definition. */
const checkDefinition: Check = (definition) => {
  const spec = child(definition, 'spec') ?? {};
  const names = child(spec, 'names') ?? {};
  const versions = items(spec, 'versions');
  const stored = versions.filter((version) => version['storage'] === true);
  const fullName = `${text(names, 'plural') ?? ''}.${text(spec, 'group') ?? ''}`;
  const missing = [
    ...['group', 'scope'].filter((name) => (text(spec, name) ?? '') === ''),
    ...['plural', 'kind'].filter((name) => (text(names, name) ?? '') === '').map((name) => `names.${name}`),
  ];
  return [
    ...missing.map((name) => required(`spec.${name}`)),
    ...(at(definition, 'metadata', 'name') === fullName
      ? []
      : [
          invalidValue(
            'metadata.name',
            at(definition, 'metadata', 'name'),
            'must be spec.names.plural+"."+spec.group',
          ),
        ]),
    ...oneOf('spec.scope', spec['scope'], ['Cluster', 'Namespaced']),
    ...versions.flatMap((version, index) =>
      (text(version, 'name') ?? '') === '' ? [required(`spec.versions[${index}].name`)] : [],
    ),
    ...(stored.length === 1
      ? []
      : [
          invalidValue(
            'spec.versions',
            versions.map((version) => version['name']),
            'must have exactly one version marked as storage version',
          ),
        ]),
  ];
};

/** The checks of kinds that are no workloads. */
export const otherChecks: Record<string, Check> = {
  Service: checkService,
  ConfigMap: (object) => checkKeys(object, ['data', 'binaryData']),
  Secret: checkSecret,
  CustomResourceDefinition: checkDefinition,
  PersistentVolumeClaim(claim) {
    const modes = at(claim, 'spec', 'accessModes');
    return [
      ...(Array.isArray(modes) && modes.length > 0
        ? []
        : [required('spec.accessModes', 'at least 1 access mode is required')]),
      ...(at(claim, 'spec', 'resources', 'requests', 'storage') === undefined
        ? [required('spec.resources[storage]')]
        : []),
    ];
  },
  PodDisruptionBudget(budget) {
    const { minAvailable, maxUnavailable } = child(budget, 'spec') ?? {};
    return minAvailable !== undefined && maxUnavailable !== undefined
      ? [
          invalidValue(
            'spec',
            'minAvailable, maxUnavailable',
            'minAvailable and maxUnavailable cannot be both set',
          ),
        ]
      : [];
  },
  HorizontalPodAutoscaler(object) {
    const spec = child(object, 'spec') ?? {};
    const { minReplicas = 1, maxReplicas = 0 } = spec;
    return [
      ...(Number(maxReplicas) < 1
        ? [invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0')]
        : []),
      ...(Number(maxReplicas) < Number(minReplicas)
        ? [invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`')]
        : []),
      ...['kind', 'name'].flatMap((name) =>
        at(spec, 'scaleTargetRef', name) === undefined ? [required(`spec.scaleTargetRef.${name}`)] : [],
      ),
    ];
  },
  Ingress(ingress) {
    const spec = child(ingress, 'spec') ?? {};
    return spec['defaultBackend'] === undefined && items(spec, 'rules').length === 0
      ? [invalidValue('spec', [], 'either `defaultBackend` or `rules` must be specified')]
      : [];
  },
};
