import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { at, child, items, placesOf, scalarText } from '../kinds/fields.ts';
import { age, humanDuration } from './human-duration.ts';
import { podReadinessGates, podReady, podRestarts, podStatus } from './pod-columns.ts';

/** What stands in a column for an object. */
export type Cell = (object: Fields) => unknown;

/** What stands where nothing is. */
export const none = '<none>';

/** Values with commas between them. */
export function list(values: readonly unknown[]): string {
  return values.length === 0 ? none : values.map(String).join(',');
}

/** A label selector, or a Service's map, as kubectl prints it. */
export function selectorText(selector: unknown): string {
  if (!isFields(selector)) return none;
  const isSelector = 'matchLabels' in selector || 'matchExpressions' in selector;
  const labels = isSelector ? (child(selector, 'matchLabels') ?? {}) : selector;
  const parts = Object.entries(labels)
    .map(([name, value]) => `${name}=${String(value)}`)
    .sort();
  for (const { key, operator, values } of items(selector, 'matchExpressions')) {
    const listed = `(${Array.isArray(values) ? values.join(',') : ''})`;
    if (operator === 'Exists') parts.push(String(key));
    else if (operator === 'DoesNotExist') parts.push(`!${String(key)}`);
    else parts.push(`${String(key)} ${operator === 'In' ? 'in' : 'notin'} ${listed}`);
  }
  return list(parts);
}

/** `80:30080/TCP,443/TCP` */
const servicePorts: Cell = (object) =>
  list(
    items(child(object, 'spec'), 'ports').map((row) => {
      const node = row['nodePort'] === undefined ? '' : `:${scalarText(row['nodePort'])}`;
      return `${String(row['port'])}${node}/${String(row['protocol'])}`;
    }),
  );

/** The ports of an Ingress: those of HTTP and, where it has certificates, of HTTPS. */
const ingressPorts: Cell = (ingress) => (items(child(ingress, 'spec'), 'tls').length > 0 ? '80, 443' : '80');

/** The status of a condition. */
const conditionStatus =
  (type: string): Cell =>
  (object) =>
    items(child(object, 'status'), 'conditions').find((row) => row['type'] === type)?.['status'] ?? '';

/** The hosts of a route, as a list of JSON. */
const hostnames: Cell = (route) => {
  const names = at(route, 'spec', 'hostnames');
  return names === undefined ? '' : JSON.stringify(names);
};

/** The external name, or that a load balancer has no address. */
const externalAddress: Cell = (object) => {
  const spec = child(object, 'spec');
  if (spec?.['type'] === 'ExternalName') return spec['externalName'];
  return spec?.['type'] === 'LoadBalancer' ? '<pending>' : none;
};

/** `10.0.0.1:80,10.0.0.2:80 + 3 more...` */
const endpoints: Cell = (object) => {
  const all = items(object, 'subsets').flatMap((subset) =>
    items(subset, 'addresses').flatMap((address) =>
      items(subset, 'ports').map((port) => `${String(address['ip'])}:${String(port['port'])}`),
    ),
  );
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : list(all);
};

/** The condition that a Job has met. */
const jobStatus: Cell = (job) => {
  const met = items(child(job, 'status'), 'conditions').filter((row) => row['status'] === 'True');
  const types = ['Complete', 'Failed', 'Suspended'];
  return types.find((type) => met.some((row) => row['type'] === type)) ?? 'Running';
};

/** From the start to the end, or to now. */
const jobDuration: Cell = (job) => {
  const start = at(job, 'status', 'startTime');
  const end = at(job, 'status', 'completionTime');
  if (typeof start !== 'string') return '';
  return humanDuration((typeof end === 'string' ? Date.parse(end) : Date.now()) - Date.parse(start));
};

/** Ready or not, and whether it takes pods. */
const nodeStatus: Cell = (node) => {
  const ready = items(child(node, 'status'), 'conditions').find((row) => row['type'] === 'Ready');
  const state = ready?.['status'] === 'True' ? 'Ready' : 'NotReady';
  return at(node, 'spec', 'unschedulable') === true ? `${state},SchedulingDisabled` : state;
};

const nodeRoles: Cell = (node) => {
  const prefix = 'node-role.kubernetes.io/';
  const labels = Object.keys(child(child(node, 'metadata'), 'labels') ?? {});
  return list(labels.filter((label) => label.startsWith(prefix)).map((label) => label.slice(prefix.length)));
};

const shortModes: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

const count = (value: unknown): number => Object.keys(isFields(value) ? value : {}).length;

/** Cells that are more than the value at a path. */
export const cells: Record<string, Cell> = {
  age: (object) => age(at(object, 'metadata', 'creationTimestamp')),
  selector: (object) => selectorText(at(object, 'spec', 'selector')),
  nodeSelector: (object) => selectorText(at(object, 'spec', 'template', 'spec', 'nodeSelector')),
  podReady,
  podStatus,
  podRestarts,
  readinessGates: (pod) => podReadinessGates(pod) ?? none,
  servicePorts,
  ingressPorts,
  accepted: conditionStatus('Accepted'),
  programmed: conditionStatus('Programmed'),
  hostnames,
  externalAddress,
  endpoints,
  suspended: (object) => (at(object, 'spec', 'suspend') === true ? 'True' : 'False'),
  jobStatus,
  jobDuration,
  dataCount: (object) => count(object['data']) + count(object['binaryData']),
  eventTime: (event) =>
    age(event['lastTimestamp'] ?? event['eventTime'] ?? at(event, 'metadata', 'creationTimestamp')),
  eventObject(event) {
    const { kind, name } = child(event, 'involvedObject') ?? {};
    return `${scalarText(kind).toLowerCase()}/${scalarText(name)}`;
  },
  accessModes: (claim) =>
    placesOf(claim, 'status.accessModes[]')
      .map(({ value }) => shortModes[String(value)] ?? String(value))
      .join(','),
  nodeStatus,
  nodeRoles,
  nodeAddress: (node) =>
    items(child(node, 'status'), 'addresses').find((row) => row['type'] === 'InternalIP')?.['address'],
  scaleTarget: (object) =>
    ['kind', 'name'].map((name) => at(object, 'spec', 'scaleTargetRef', name)).join('/'),
};
