import { networkInterfaces } from 'node:os';

import type { E2eEnvironment } from './e2e-environment.ts';
import type { Kubectl } from './kubectl.ts';

interface Nodes {
  items: { status: { addresses: { type: string; address: string }[] } }[];
}

/**
 * The address under which the cluster's pods reach servers of this machine: a node's own where this machine is that
 * node, else the first that is not loopback. `SLIPWAY_TEST_HOST` overrules it.
 */
export async function addressForPods(environment: E2eEnvironment, admin: Kubectl): Promise<string> {
  const given = process.env['SLIPWAY_TEST_HOST'];
  if (given !== undefined && given !== '') return given;
  if (environment.cluster === 'sandbox') return '127.0.0.1';
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const nodes = await admin.json<Nodes>(['get', 'nodes']);
  const ofNodes = nodes.items.flatMap(({ status }) => status.addresses.map(({ address }) => address));
  const address = own.find((one) => ofNodes.includes(one)) ?? own[0];
  if (address === undefined) throw new Error('this machine has no address that pods could reach');
  return address;
}
