import type { Fields } from '../kinds/fields.ts';
import { child, items } from '../kinds/fields.ts';
import type { StoredObject } from './objects.ts';

/** Ports that a Service of type NodePort gets, as in Kubernetes. */
const nodePorts = { first: 30000, last: 32767 };

const hasAddress = (spec: Fields): boolean => spec['type'] !== 'ExternalName';
const hasNodePorts = (spec: Fields): boolean =>
  spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer';

function firstFree(network: string, taken: ReadonlySet<unknown>): string {
  for (let index = 1; index < 65534; index++) {
    const address = `${network}.${String(index >> 8)}.${String(index & 255)}`;
    if ((index & 255) !== 0 && (index & 255) !== 255 && !taken.has(address)) return address;
  }
  throw new RangeError(`no address is free in ${network}.0.0/16`);
}

function freeNodePort(taken: ReadonlySet<unknown>): number {
  const size = nodePorts.last - nodePorts.first + 1;
  const start = Math.floor(Math.random() * size);
  for (let step = 0; step < size; step++) {
    const port = nodePorts.first + ((start + step) % size);
    if (!taken.has(port)) return port;
  }
  throw new RangeError('no node port is free');
}

/**
 * Gives a Service what the API server allocates: clusterIP (from `network`, the first two numbers of a /16, e.g.
 * `127.96`) and node ports; takes them away where the type no longer has them. `others` are all other Services.
 */
export function allocateServiceAddresses(
  service: Fields,
  previous: Fields | undefined,
  others: readonly StoredObject[],
  network: string,
): void {
  const spec = child(service, 'spec');
  if (spec === undefined) return;
  const before = child(previous, 'spec');
  const specs = others.map((other) => child(other, 'spec'));
  if (!hasAddress(spec)) {
    for (const name of ['clusterIP', 'clusterIPs']) Reflect.deleteProperty(spec, name);
  } else {
    const given = spec['clusterIP'] === '' ? undefined : spec['clusterIP'];
    spec['clusterIP'] =
      given ?? before?.['clusterIP'] ?? firstFree(network, new Set(specs.map((row) => row?.['clusterIP'])));
    spec['clusterIPs'] = [spec['clusterIP']];
  }
  const taken = new Set(specs.flatMap((row) => items(row, 'ports').map((port) => port['nodePort'])));
  for (const port of items(spec, 'ports')) {
    if (!hasNodePorts(spec)) {
      if (items(before, 'ports').some((old) => old['nodePort'] === port['nodePort'])) delete port['nodePort'];
      continue;
    }
    if (port['nodePort'] === 0) delete port['nodePort'];
    const old = items(before, 'ports').find(
      (row) => row['port'] === port['port'] && row['protocol'] === port['protocol'],
    );
    port['nodePort'] ??= old?.['nodePort'] ?? freeNodePort(taken);
    taken.add(port['nodePort']);
  }
}
