import { isIP, isIPv4 } from 'node:net';
import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { at, child, items, scalarText, text } from './fields.ts';
import { labelName, qualifiedDomain, subdomainName } from './names.ts';
import { givenPort, portName, portOrName } from './port-rules.ts';
import type { Check, Rule } from './rules.ts';
import {
  duplicate,
  forbiddenField,
  invalidValue,
  ipAddress,
  named,
  needed,
  oneOf,
  portNumber,
  required,
  unique,
} from './rules.ts';
import { labels, labelSelector } from './selector-rules.ts';

const checkService: Check = (service) => {
  const spec = child(service as Fields, 'spec') ?? {};
  const ports = items(spec, 'ports');
  const { type, clusterIP } = spec;
  const isAddress = typeof clusterIP !== 'string' || ['', 'None'].includes(clusterIP) || isIPv4(clusterIP);
  return [
    type !== 'ExternalName' && clusterIP !== 'None' && ports.length === 0 && required('spec.ports'),
    type === 'ExternalName' && (text(spec, 'externalName') ?? '') === '' && required('spec.externalName'),
    !isAddress &&
      invalidValue(
        'spec.clusterIPs[0]',
        clusterIP,
        'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ),
    ...ports.flatMap((port, index) => [
      ports.length > 1 && (text(port, 'name') ?? '') === '' && required(`spec.ports[${index}].name`),
      type === 'ClusterIP' &&
        port['nodePort'] !== undefined &&
        forbiddenField(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"),
    ]),
  ];
};

const checkNodePort: Check = (port, path) =>
  typeof port === 'number' &&
  (port < 30000 || port > 32767) &&
  invalidValue(
    path,
    port,
    'provided port is not in the valid range. The range of valid ports is 30000-32767',
  );

/** A port may be served once for each protocol. */
const servedOnce: Check = (ports, path) => {
  const list = Array.isArray(ports) ? ports.filter(isFields) : [];
  const keys = list.map((port) => `${scalarText(port['protocol'])} ${scalarText(port['port'])}`);
  return keys.map((key, index) => keys.indexOf(key) < index && duplicate(`${path}[${index}]`, list[index]));
};

const trafficPolicy: Check = (policy, path, spec) => {
  if (policy === undefined || policy === '') return [];
  if (!/^(NodePort|LoadBalancer)$/.test(scalarText(spec['type']))) {
    return invalidValue(path, policy, 'may only be set for externally-accessible services');
  }
  return oneOf('Cluster', 'Local')(policy, path, spec);
};

const affinitySeconds: Check = (seconds, path) =>
  typeof seconds === 'number' &&
  (seconds < 1 || seconds > 86400) &&
  invalidValue(path, seconds, 'must be greater than 0 and less than 86400');

const backend: Check = (value, path) => {
  if (!isFields(value)) return [];
  const service = child(value, 'service');
  if (service === undefined) {
    return !value['resource'] && invalidValue(path, '', 'resource or service backend is required');
  }
  const { name, number } = child(service, 'port') ?? {};
  const place = `${path}.service`;
  return [
    !service['name'] && required(`${place}.name`),
    ...[named(labelName)(service['name'], `${place}.name`, service)].flat(),
    !name && !number && required(path, 'port name or number is required'),
    ...[portName(name, `${place}.port.name`, service)].flat(),
    ...(number ? [portNumber(number, `${place}.port.number`, service)].flat() : []),
  ];
};

const givenBackend: Check = (value, path, parent) => backend(value ?? {}, path, parent);

const ingressSpec: Check = (spec, path) =>
  !at(spec, 'defaultBackend') &&
  items(isFields(spec) ? spec : {}, 'rules').length === 0 &&
  invalidValue(
    path,
    '',
    'either `defaultBackend` or `rules` must be specified',
    '[]networking.IngressRule(nil)',
  );

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const pathType: Check = (type, path, parent) =>
  type === undefined ? required(path, 'pathType must be specified') : oneOf(...pathTypes)(type, path, parent);

const absolutePath: Check = (value, path, { pathType: type }) =>
  (type === 'Exact' || type === 'Prefix') &&
  !scalarText(value).startsWith('/') &&
  invalidValue(path, value ?? '', 'must be an absolute path');

/** A host, which may begin with a wildcard. */
const host: Check = (value, path, parent) =>
  named(subdomainName)(typeof value === 'string' ? value.replace(/^\*\./, '') : value, path, parent);

const isNetwork = (value: unknown): boolean => {
  const [address = '', bits = '', ...more] = scalarText(value).split('/');
  const most = isIP(address) === 6 ? 128 : 32;
  return isIP(address) > 0 && more.length === 0 && /^\d+$/.test(bits) && Number(bits) <= most;
};

const network: Check = (value, path) =>
  !isNetwork(value) && invalidValue(path, value ?? '', 'not a valid CIDR');
const givenNetwork: Check = (value, path, parent) => (value ? network(value, path, parent) : required(path));

const peer: Check = (value, path) =>
  !['podSelector', 'namespaceSelector', 'ipBlock'].some((name) => at(value, name)) &&
  required(path, 'must specify a peer');

const policyRules = (pattern: string, peers: string): Rule[] => [
  [`${pattern}.ports[].port`, (port, path, parent) => port !== undefined && portOrName(port, path, parent)],
  [`${pattern}.ports[].protocol`, oneOf('TCP', 'UDP', 'SCTP')],
  [`${pattern}.${peers}[]`, peer],
  [`${pattern}.${peers}[].podSelector|namespaceSelector`, labelSelector],
  [`${pattern}.${peers}[].ipBlock.cidr`, givenNetwork],
  [`${pattern}.${peers}[].ipBlock.except[]`, network],
];

const subset: Check = (value, path) =>
  !['addresses', 'notReadyAddresses'].some((name) => items(isFields(value) ? value : {}, name).length > 0) &&
  required(path, 'must specify `addresses` or `notReadyAddresses`');

const controller: Check = (value, path) =>
  Boolean(value) &&
  !qualifiedDomain.test(scalarText(value)) &&
  invalidValue(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")');

/** The rules of the kinds by which pods are reached. */
export const networkRules: Record<string, readonly Rule[]> = {
  Service: [
    ['', checkService],
    ['spec.type', oneOf('ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort')],
    ['spec.selector', labels],
    ['spec.sessionAffinity', oneOf('ClientIP', 'None')],
    ['spec.sessionAffinityConfig.clientIP.timeoutSeconds', affinitySeconds],
    ['spec.externalTrafficPolicy', trafficPolicy],
    ['spec.externalIPs[]', ipAddress],
    ['spec.ports', unique('name'), servedOnce],
    ['spec.ports[].name', named(labelName)],
    ['spec.ports[].port', givenPort],
    ['spec.ports[].targetPort', portOrName],
    ['spec.ports[].protocol', oneOf('SCTP', 'TCP', 'UDP')],
    ['spec.ports[].nodePort', checkNodePort],
  ],
  Endpoints: [
    ['subsets[]', subset],
    ['subsets[].addresses|notReadyAddresses[].ip', ipAddress],
    ['subsets[].addresses|notReadyAddresses[].hostname', named(labelName)],
    ['subsets[].ports[].name', named(labelName)],
    ['subsets[].ports[].port', givenPort],
    ['subsets[].ports[].protocol', oneOf('SCTP', 'TCP', 'UDP')],
  ],
  Ingress: [
    ['spec', ingressSpec],
    ['spec.ingressClassName', named(subdomainName)],
    ['spec.defaultBackend', backend],
    ['spec.tls[].hosts[]', host],
    ['spec.tls[].secretName', named(subdomainName)],
    ['spec.rules[].host', host],
    ['spec.rules[].http.paths', needed()],
    ['spec.rules[].http.paths[].path', absolutePath],
    ['spec.rules[].http.paths[].pathType', pathType],
    ['spec.rules[].http.paths[].backend', givenBackend],
  ],
  IngressClass: [['spec.controller', needed(), controller]],
  NetworkPolicy: [
    ['spec.podSelector', labelSelector],
    ['spec.policyTypes[]', oneOf('Ingress', 'Egress')],
    ...policyRules('spec.ingress[]', 'from'),
    ...policyRules('spec.egress[]', 'to'),
  ],
};
