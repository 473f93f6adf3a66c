import type { Fields } from '../kinds/fields.ts';
import { at, child, isFields, items, scalarText, text } from '../kinds/fields.ts';
import { age, humanDuration } from './human-duration.ts';

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
  const labels =
    child(selector, 'matchLabels') ?? (selector['matchExpressions'] === undefined ? selector : {});
  const parts = Object.entries(labels)
    .filter(([name]) => name !== 'matchLabels')
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
export function servicePorts(object: Fields): string {
  return list(
    items(child(object, 'spec'), 'ports').map((row) => {
      const node = row['nodePort'] === undefined ? '' : `:${scalarText(row['nodePort'])}`;
      return `${String(row['port'])}${node}/${String(row['protocol'])}`;
    }),
  );
}

/** The addresses of a load balancer, or an external name. */
export function externalAddress(object: Fields): string {
  const spec = child(object, 'spec');
  if (spec?.['type'] === 'ExternalName') return text(spec, 'externalName') ?? none;
  const ingress = items(child(child(object, 'status'), 'loadBalancer'), 'ingress');
  const addresses = ingress.map((row) => row['ip'] ?? row['hostname']);
  if (spec?.['type'] === 'LoadBalancer' && addresses.length === 0) return '<pending>';
  return list(addresses);
}

/** `10.0.0.1:80,10.0.0.2:80 + 3 more...` */
export function endpointAddresses(object: Fields): string {
  const all = items(object, 'subsets').flatMap((subset) =>
    items(subset, 'addresses').flatMap((address) =>
      items(subset, 'ports').map((port) => `${String(address['ip'])}:${String(port['port'])}`),
    ),
  );
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : list(all);
}

/** The condition that a Job has met. */
export function jobStatus(job: Fields): string {
  const met = items(child(job, 'status'), 'conditions').filter((row) => row['status'] === 'True');
  const types = ['Complete', 'Failed', 'Suspended'];
  return types.find((type) => met.some((row) => row['type'] === type)) ?? 'Running';
}

/** From the start to the end, or to now. */
export function jobDuration(job: Fields): string | undefined {
  const start = at(job, 'status', 'startTime');
  if (typeof start !== 'string') return undefined;
  const end = at(job, 'status', 'completionTime');
  return humanDuration((typeof end === 'string' ? Date.parse(end) : Date.now()) - Date.parse(start));
}

/** Ready or not, and whether it takes pods. */
export function nodeStatus(node: Fields): string {
  const ready = items(child(node, 'status'), 'conditions').find((row) => row['type'] === 'Ready');
  const state = ready?.['status'] === 'True' ? 'Ready' : ready === undefined ? 'Unknown' : 'NotReady';
  return at(node, 'spec', 'unschedulable') === true ? `${state},SchedulingDisabled` : state;
}

/** Roles by label. */
export function nodeRoles(node: Fields): string {
  const prefix = 'node-role.kubernetes.io/';
  return list(
    Object.keys(child(child(node, 'metadata'), 'labels') ?? {})
      .filter((label) => label.startsWith(prefix))
      .map((label) => label.slice(prefix.length)),
  );
}

/** An address of a node by its type. */
export const nodeAddress =
  (type: string) =>
  (node: Fields): unknown =>
    items(child(node, 'status'), 'addresses').find((row) => row['type'] === type)?.['address'] ?? none;

/** Access modes in their short form. */
export const accessModes = (path: string): Cell => {
  const short: Record<string, string> = {
    ReadWriteOnce: 'RWO',
    ReadOnlyMany: 'ROX',
    ReadWriteMany: 'RWX',
    ReadWriteOncePod: 'RWOP',
  };
  return (object) => {
    const modes = at(object, ...path.split('.'));
    return Array.isArray(modes) ? modes.map((mode) => short[String(mode)] ?? String(mode)).join(',') : '';
  };
};

/** The claim that a volume is bound to. */
export const claimOf: Cell = (volume) => {
  const claim = child(child(volume, 'spec'), 'claimRef');
  return claim === undefined ? '' : `${String(claim['namespace'])}/${String(claim['name'])}`;
};

/** How long ago an event was last seen. */
export const eventTime: Cell = (event) =>
  age(event['lastTimestamp'] ?? event['eventTime'] ?? at(event, 'metadata', 'creationTimestamp'));
/** What an event is about: `pod/web`. */
export const involved: Cell = (event) => {
  const object = child(event, 'involvedObject');
  return `${scalarText(object?.['kind']).toLowerCase()}/${scalarText(object?.['name'])}`;
};
