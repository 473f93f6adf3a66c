import type { WebSocket } from 'ws';
import { reasonOf } from '../client/errors.ts';

/** One message of a channel. */
export interface ChannelMessage {
  channel: number;
  data: Buffer;
}

/** Unread bytes at which the socket is paused, and at which it continues. */
const highWater = 1024 * 1024;
const lowWater = 256 * 1024;
/** Parts of the time of silence: after each of them the other side is pinged. */
const silentParts = 4;
/** Channel 255 closes another one, from v5.channel.k8s.io on. */
const closeChannel = 255;

/**
 * A WebSocket whose messages begin with the number of a channel
 * (https://pkg.go.dev/k8s.io/apimachinery/pkg/util/httpstream/wsstream), read by pulling: what is not read stays in
 * the network, so that a slow reader slows the sender and takes no memory.
 */
export class ChannelSocket {
  readonly #socket: WebSocket;
  #queue: ChannelMessage[] = [];
  #queued = 0;
  #paused = false;
  #closed: string | undefined;
  #wake: (() => void) | undefined;
  #silentParts = 0;
  #silenceTimer: NodeJS.Timeout | undefined;
  /** Resolve the sends that the network has not taken yet. */
  readonly #sending = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#receive(data));
    socket.on('pong', () => (this.#silentParts = 0));
    socket.on('error', (error: Error) => this.#end(reasonOf(error)));
    socket.on('close', (code: number, reason: Buffer) =>
      this.#end(reason.length > 0 ? `${String(code)} ${reason.toString('utf8')}` : `code ${String(code)}`),
    );
    socket.resume();
  }

  /** Whether a channel can be closed by itself (v5). */
  get canCloseChannels(): boolean {
    return this.#socket.protocol === 'v5.channel.k8s.io';
  }

  /** Why the connection ended; undefined while it is open. */
  get closeReason(): string | undefined {
    return this.#closed;
  }

  /** The next message; undefined when the connection has ended and everything was read. */
  async next(): Promise<ChannelMessage | undefined> {
    for (;;) {
      const message = this.#queue.shift();
      if (message !== undefined) {
        this.#queued -= message.data.length;
        if (this.#paused && this.#queued < lowWater) this.#resume();
        return message;
      }
      if (this.#closed !== undefined) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Sends bytes on a channel; resolves when they have been handed to the network. Ends quietly when the connection has ended. */
  send(channel: number, data: Buffer): Promise<void> {
    if (this.#closed !== undefined) return Promise.resolve();
    const framed = Buffer.allocUnsafe(data.length + 1);
    framed[0] = channel;
    data.copy(framed, 1);
    return new Promise((resolve) => {
      const done = () => {
        this.#sending.delete(done);
        resolve();
      };
      this.#sending.add(done);
      this.#socket.send(framed, { binary: true }, done);
    });
  }

  closeChannel(channel: number): Promise<void> {
    return this.send(closeChannel, Buffer.from([channel]));
  }

  /** Ends the connection at once. Idempotent. */
  close(reason = 'closed by this side'): void {
    this.#end(reason);
    this.#socket.terminate();
  }

  /**
   * Ends the connection when nothing is heard of the other side for so long, though it is pinged: each WebSocket has to
   * answer a ping (RFC 6455, 5.5.2), also while its command is at work and says nothing. Time in which the reader is
   * behind does not count.
   * @param silenceMs milliseconds
   */
  endWhenSilent(silenceMs: number): void {
    clearInterval(this.#silenceTimer);
    if (this.#closed !== undefined) return;
    this.#silentParts = 0;
    this.#silenceTimer = setInterval(() => {
      this.#silentParts = this.#paused ? 0 : this.#silentParts + 1;
      if (this.#silentParts > silentParts)
        this.close(`nothing was heard for ${String(Math.round(silenceMs / 1000))} s`);
      else if (!this.#paused) this.#socket.ping();
    }, silenceMs / silentParts).unref();
  }

  #receive(data: Buffer): void {
    this.#silentParts = 0;
    const channel = data[0];
    if (channel === undefined || channel === closeChannel || this.#closed !== undefined) return;
    this.#queue.push({ channel, data: data.subarray(1) });
    this.#queued += data.length;
    if (!this.#paused && this.#queued > highWater) {
      this.#paused = true;
      this.#socket.pause();
    }
    this.#notify();
  }

  #resume(): void {
    this.#paused = false;
    if (this.#closed === undefined) this.#socket.resume();
  }

  #end(reason: string): void {
    this.#closed ??= reason;
    clearInterval(this.#silenceTimer);
    for (const done of this.#sending) done();
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
