import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { entryFile } from '../../base/entry-file.ts';
import type { Machine } from '../kubelet/machine.ts';
import { firstLine } from '../kubelet/processes.ts';
import { NetworkControl } from './network-control.ts';
import { controlScript, networkScript } from './network-scripts.ts';
import { serveOutbound } from './outbound.ts';
import type { Route } from './outbound.ts';
import { gatewayAddress } from './pod-addresses.ts';
import { PodsNamespace } from './pods-namespace.ts';

/** Starts the relay and the pods' bridge. Rejects when the machine does not let it after all. */
export async function startPodsNamespace(
  machine: Machine,
  folder: string,
  { route, environment, onEnd }: { route: Route; environment: Record<string, string>; onEnd: () => void },
): Promise<PodsNamespace> {
  mkdirSync(folder, { recursive: true });
  const [inbound, outbound] = [join(folder, 'in.sock'), join(folder, 'out.sock')];
  for (const path of [inbound, outbound]) rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => void serveOutbound(socket, route));
  server.listen(outbound);
  await once(server, 'listening');
  const { unshare = '', ip = '', sh = '', nsenter = '' } = machine.tools;
  const options = { env: { ...process.env, ...environment, NODE_OPTIONS: '' }, detached: true } as const;
  const relayFile = entryFile('sandbox/network/relay');
  const node = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    relayFile,
    inbound,
    outbound,
    gatewayAddress,
  ];
  const command = [...machine.unshareUser, '--net', sh, '-c', networkScript, 'sh', ip, ...node];
  const relay = spawn(unshare, command, { ...options, stdio: ['pipe', 'pipe', 'ignore'] });
  if ((await firstLine(relay.stdout).next()) !== 'ready') {
    server.close();
    throw new Error('the network of the pods could not be made');
  }
  relay.once('exit', onEnd);
  const into = [...machine.enterUser, '--target', String(relay.pid), '--net', sh, '-c', controlScript];
  const control = spawn(nsenter, [...into, 'sh', ip, unshare, sh, String(relay.pid)], {
    ...options,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return new PodsNamespace(relay, new NetworkControl(control), { outbound: server, inbound });
}
