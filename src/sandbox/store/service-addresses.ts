import { isIPv4 } from 'node:net';
import type { StatusCause } from '../api/status-error.ts';
import { invalidValue } from '../kinds/rules.ts';
import type { Fields } from '../../base/fields.ts';
import { child, items, text } from '../kinds/fields.ts';
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

/** Why an address that was asked for cannot be had. */
function refuseAddress(address: string, network: string, taken: ReadonlySet<unknown>): StatusCause[] {
  const why = taken.has(address)
    ? 'provided IP is already allocated'
    : `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${network}.0.0/16`;
  if (!taken.has(address) && address.startsWith(`${network}.`)) return [];
  const shown = `[]string{${JSON.stringify(address)}}`;
  return [invalidValue('spec.clusterIPs', undefined, `failed to allocate IP ${address}: ${why}`, shown)];
}

/** Gives the address, or keeps the one that the Service has; takes it away from a type that has none. */
function allocateAddress(
  spec: Fields,
  before: Fields | undefined,
  { specs, network }: Others,
): StatusCause[] {
  if (!hasAddress(spec)) {
    for (const name of ['clusterIP', 'clusterIPs']) Reflect.deleteProperty(spec, name);
    return [];
  }
  const taken = new Set(specs.map((row) => row?.['clusterIP']).filter((address) => address !== 'None'));
  const given = text(spec, 'clusterIP') || undefined;
  const kept = text(before, 'clusterIP');
  spec['clusterIP'] = given ?? kept ?? firstFree(network, taken);
  spec['clusterIPs'] = [spec['clusterIP']];
  const isNew = given !== undefined && given !== kept && isIPv4(given);
  return isNew ? refuseAddress(given, network, taken) : [];
}

function allocateNodePorts(spec: Fields, before: Fields | undefined, { specs }: Others): StatusCause[] {
  const kept = items(before, 'ports');
  const taken = new Set(specs.flatMap((row) => items(row, 'ports').map((port) => port['nodePort'])));
  return items(spec, 'ports').flatMap((port, index) => {
    if (port['nodePort'] === 0) delete port['nodePort'];
    if (!hasNodePorts(spec)) {
      // A port that was allocated goes with the type; one that is given is refused by validation.
      if (kept.some((old) => old['nodePort'] === port['nodePort'])) delete port['nodePort'];
      return [];
    }
    const old = kept.find((row) => row['port'] === port['port'] && row['protocol'] === port['protocol']);
    port['nodePort'] ??= old?.['nodePort'] ?? freeNodePort(taken);
    const wanted = port['nodePort'];
    const field = `spec.ports[${index}].nodePort`;
    const refused = taken.has(wanted)
      ? [invalidValue(field, wanted, 'provided port is already allocated')]
      : [];
    taken.add(wanted);
    return refused;
  });
}

interface Others {
  specs: readonly (Fields | undefined)[];
  network: string;
}

/**
 * Gives a Service what the API server allocates: clusterIP (from `network`, the first two numbers of a /16, e.g.
 * `127.96`) and node ports; takes them away where the type no longer has them. `services` are all other Services.
 * Returns what it asks for and cannot have.
 */
export function allocateServiceAddresses(
  service: Fields,
  previous: Fields | undefined,
  services: readonly StoredObject[],
  network: string,
): StatusCause[] {
  const spec = child(service, 'spec');
  if (spec === undefined) return [];
  const before = child(previous, 'spec');
  // What only other types have goes with the type, as node ports do; one that is given anew is refused by validation.
  const policy = 'externalTrafficPolicy';
  if (!hasNodePorts(spec) && before?.[policy] === spec[policy]) Reflect.deleteProperty(spec, policy);
  const others = { specs: services.map((other) => child(other, 'spec')), network };
  return [...allocateAddress(spec, before, others), ...allocateNodePorts(spec, before, others)];
}
