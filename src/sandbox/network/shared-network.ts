/** Addresses and ports for pods that share the machine's network. */
import type { Duplex } from 'node:stream';
import type { Pod } from '../kubelet/pod-types.ts';
import { connectTcp } from './connect-tcp.ts';

const firstPort = 20_000;
const portCount = 10_000;

/** Addresses of 127.32.0.0/16, one for each pod, on which every process that listens on all addresses answers. */
export function createLoopbackAddresses(): { take(): string; give(address: string): void } {
  const taken = new Set<string>();
  // Another sandbox on the machine begins somewhere else.
  let last = Math.floor(Math.random() * 60_000);

  function take(): string {
    for (;;) {
      last = (last + 1) % 63_000;
      const address = `127.32.${Math.floor(last / 250)}.${(last % 250) + 1}`;
      if (taken.has(address)) continue;
      taken.add(address);
      return address;
    }
  }

  return { take, give: (address) => void taken.delete(address) };
}

/** Gives ports in place of those that a pod declares, by these: from 20000 on, beginning anywhere, so that two sandboxes seldom meet. */
export function createSharedPorts(): (pod: Pod) => Map<number, number> {
  let last = Math.floor(Math.random() * portCount);
  const next = (): number => firstPort + (last = (last + 1) % portCount);
  return ({ spec }) => {
    const declared = spec.containers.flatMap(({ ports = [] }) => ports);
    return new Map(declared.map(({ containerPort }): [number, number] => [containerPort, next()]));
  };
}

/** `PORT` for the first declared port and `PORT_8080` for each, as many programs take them. */
export function portEnvironment(ports: ReadonlyMap<number, number>): Record<string, string> {
  const each = [...ports].map(([declared, given]): [string, string] => [`PORT_${declared}`, String(given)]);
  const [first] = ports.values();
  return { ...(first === undefined ? {} : { PORT: String(first) }), ...Object.fromEntries(each) };
}

/** Connects to a pod's port: where it was told to listen, or where it said it would. */
export async function connectShared(
  { ip, ports }: { ip: string; ports: ReadonlyMap<number, number> },
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const given = ports.get(port);
  if (given === undefined) return connectTcp(ip, port, signal);
  try {
    return await connectTcp(ip, given, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return connectTcp(ip, port, signal);
  }
}
