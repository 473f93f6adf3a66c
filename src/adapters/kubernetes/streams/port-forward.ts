import { Duplex } from 'node:stream';
import { UnreachableError } from '../../../ports/cluster-errors.ts';
import type { Connection } from '../client/connection.ts';
import { queryOf } from '../client/paths.ts';
import { ChannelSocket } from './channel-socket.ts';
import { openSocket } from './web-socket.ts';

const dataChannel = 0;
const errorChannel = 1;
const sendBytes = 128 * 1024;

/** One connection to a port of a pod: see {@link import('../../../ports/pod-access.ts').PodAccess.connect}. */
export async function portForward(
  connection: Connection,
  { namespace, pod }: { namespace: string; pod: string },
  { port, signal }: { port: number; signal: AbortSignal },
): Promise<Duplex> {
  const base = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
  const what = `connect to port ${String(port)} of pod "${pod}" in namespace "${namespace}"`;
  const request = {
    path: `${base}/portforward${queryOf({ ports: port })}`,
    what,
    protocols: ['v4.channel.k8s.io'],
  };
  return new PortForward(new ChannelSocket(await openSocket(connection, request, signal)), what);
}

/** The two channels of one forwarded port as a stream. Its writable end closes the whole: Kubernetes has no half-close here. */
class PortForward extends Duplex {
  readonly #socket: ChannelSocket;
  readonly #what: string;
  /** Each channel begins with two bytes, the port's number, which may come in a message of their own. */
  readonly #unread = [2, 2];
  #reading = false;

  constructor(socket: ChannelSocket, what: string) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#what = what;
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    void this.#pump().catch((error: unknown) => this.destroy(error as Error));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.close();
    done(error);
  }

  async #send(chunk: Buffer): Promise<void> {
    for (let from = 0; from < chunk.length; from += sendBytes) {
      if (this.#socket.closeReason !== undefined)
        throw new UnreachableError(`cannot ${this.#what}: it has ended`);
      await this.#socket.send(dataChannel, chunk.subarray(from, from + sendBytes));
    }
  }

  async #pump(): Promise<void> {
    for (;;) {
      const message = await this.#socket.next();
      if (message === undefined) {
        this.push(null);
        return;
      }
      const data = this.#withoutPort(message.channel, message.data);
      if (data.length === 0) continue;
      if (message.channel === errorChannel) {
        throw new UnreachableError(`cannot ${this.#what}: ${data.toString('utf8').trim()}`);
      }
      if (!this.push(data)) {
        this.#reading = false;
        return;
      }
    }
  }

  #withoutPort(channel: number, data: Buffer): Buffer {
    const skip = Math.min(this.#unread[channel] ?? 0, data.length);
    this.#unread[channel] = (this.#unread[channel] ?? 0) - skip;
    return data.subarray(skip);
  }
}
