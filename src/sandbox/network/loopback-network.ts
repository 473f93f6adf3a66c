import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Pod } from '../kubelet/pod-types.ts';
import type { PodAttachment, PodNetwork } from './pod-network.ts';

/**
 * The {@link PodNetwork} without namespaces: pods share the machine's network, and each has a loopback address of its
 * own (127.32.0.0/16), which any process that listens on all addresses answers on.
 */
export function createLoopbackNetwork(): PodNetwork {
  const addresses = new Map<string, string>();
  let last = Math.floor(Math.random() * 60_000);

  function free(): string {
    const taken = new Set(addresses.values());
    for (;;) {
      last = (last + 1) % 65_000;
      const address = `127.32.${Math.floor(last / 250) % 256}.${(last % 250) + 1}`;
      if (!taken.has(address)) return address;
    }
  }

  function attach({ metadata, spec }: Pod): Promise<PodAttachment> {
    const ip = addresses.get(metadata.uid) ?? (spec.hostNetwork === true ? '127.0.0.1' : free());
    addresses.set(metadata.uid, ip);
    return Promise.resolve({ ip, processId: undefined, environment: {} });
  }

  function connect(uid: string, port: number, signal: AbortSignal): Promise<Duplex> {
    return connectTcp(addresses.get(uid) ?? '127.0.0.1', port, signal);
  }

  return {
    attach,
    connect,
    detach: (uid) => {
      addresses.delete(uid);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** A TCP connection, once it is made; rejects with the system's error, or when `signal` ends first. */
export function connectTcp(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    // Half-open: a client that has sent all it has to say still gets its answer.
    const socket = connectSocket({ host, port, allowHalfOpen: true, noDelay: true });
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
    if (signal.aborted) abort();
  });
}
