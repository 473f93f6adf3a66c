import { connect as connectSocket } from 'node:net';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { createPrewarmed } from '../kubelet/prewarmed.ts';
import type { Prewarmed } from '../kubelet/prewarmed.ts';
import { killProcess } from '../kubelet/processes.ts';
import type { NetworkControl } from './network-control.ts';
import type { PipedProcess } from './piped-process.ts';
import { lastPodNumber, podAddress } from './pod-addresses.ts';
import { sendHeader } from './relay-protocol.ts';
import { openSocketCounts } from './socket-counts.ts';
import type { SocketCounts } from './socket-counts.ts';
import { droppedPackets, triedPorts } from './tried-ports.ts';

/** Where pods go outside besides Services; a further port opens when a pod is first seen trying it. */
const outgoingPorts = [22, 80, 443, 5000, 8080, 8443];
const tryingPollMs = 250;

/** A pod's own network: its address and the process that holds it. */
export interface OwnNetwork {
  ip: string;
  processId: number;
}

/** A network namespace for the pods, with a relay to the machine. */
export class PodsNamespace {
  readonly #relay: PipedProcess;
  readonly #control: NetworkControl;
  readonly #outbound: Server;
  readonly #inbound: string;
  readonly #holders = new Map<number, SocketCounts>();
  readonly #openPorts = new Set<number>();
  readonly #networks: Prewarmed<OwnNetwork>;
  readonly #polling: NodeJS.Timeout;
  #lastNumber = 1;
  #droppedBefore = 0;

  /** `outbound` serves what pods connect to; `inbound` is the relay's socket for connections to pods. */
  constructor(
    relay: PipedProcess,
    control: NetworkControl,
    { outbound, inbound }: { outbound: Server; inbound: string },
  ) {
    this.#relay = relay;
    this.#control = control;
    this.#outbound = outbound;
    this.#inbound = inbound;
    this.#networks = createPrewarmed(() => this.#makeNetwork());
    this.#polling = setInterval(() => this.#openTriedPorts(), tryingPollMs).unref();
    // Without the relay what is left is of no use.
    relay.once('exit', () => void this.close());
    for (const port of outgoingPorts) this.openPort(port);
  }

  /** Gives a pod a network of its own. */
  attach(): Promise<OwnNetwork> {
    return this.#networks.take();
  }

  detach(processId: number): void {
    const counts = this.#holders.get(processId);
    if (counts === undefined) return;
    this.#holders.delete(processId);
    counts.close();
    killProcess(processId, 'SIGKILL');
  }

  async connect({ ip, processId }: OwnNetwork, port: number, signal: AbortSignal): Promise<Duplex> {
    if (this.#holders.get(processId)?.isEmpty() === true)
      throw Object.assign(new Error(`connect ECONNREFUSED ${ip}:${port}`), { code: 'ECONNREFUSED' });
    const socket = connectSocket({ path: this.#inbound, allowHalfOpen: true });
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await sendHeader(socket, [ip, String(port)]);
      return socket;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Lets pods reach a port of Services. */
  openPort(port: number): void {
    if (this.#openPorts.has(port)) return;
    this.#openPorts.add(port);
    this.#relay.stdin.write(`listen ${port}\n`);
    void this.#control.openPort(port);
  }

  close(): Promise<void> {
    clearInterval(this.#polling);
    this.#networks.close();
    for (const holder of this.#holders.keys()) this.detach(holder);
    this.#control.close();
    this.#relay.kill('SIGKILL');
    this.#outbound.close();
    return Promise.resolve();
  }

  async #makeNetwork(): Promise<OwnNetwork> {
    this.#lastNumber = this.#lastNumber >= lastPodNumber ? 1 : this.#lastNumber + 1;
    const number = this.#lastNumber;
    const ip = podAddress(number);
    const processId = await this.#control.attach(number);
    if (processId === undefined) throw new Error(`the network of a pod could not be made (address ${ip})`);
    this.#holders.set(processId, openSocketCounts(processId));
    return { ip, processId };
  }

  #openTriedPorts(): void {
    const dropped = droppedPackets(this.#relay.pid ?? 0);
    if (dropped === this.#droppedBefore) return;
    this.#droppedBefore = dropped;
    for (const holder of this.#holders.keys()) for (const port of triedPorts(holder)) this.openPort(port);
  }
}
