import type { Duplex } from 'node:stream';
import type { Pod } from '../kubelet/pod-types.ts';
import { connectTcp } from './connect-tcp.ts';

const FIRST_PORT = 20_000;
const PORTS = 10_000;

/** The ports that pods without a network of their own are given in place of those they declare. */
export interface SharedPorts {
  /** By declared port. */
  give(pod: Pod): Map<number, number>;
}

/** Gives ports from 20000 on, beginning anywhere, so that two sandboxes seldom meet. */
export function createSharedPorts(): SharedPorts {
  let last = Math.floor(Math.random() * PORTS);
  const next = (): number => {
    last = (last + 1) % PORTS;
    return FIRST_PORT + last;
  };
  return {
    give: ({ spec }) => {
      const declared = spec.containers.flatMap(({ ports = [] }) =>
        ports.map(({ containerPort }) => containerPort),
      );
      return new Map(declared.map((port): [number, number] => [port, next()]));
    },
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
