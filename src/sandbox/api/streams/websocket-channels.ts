import { PassThrough, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';

/** Channel numbers of `v4.channel.k8s.io` and `v5.channel.k8s.io`. */
export const execChannel = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;

/** Messages of a WebSocket by their first byte, the channel. */
export interface Channels {
  /** What the client sends on a channel. It ends with the socket, or earlier by the close signal of v5. */
  receive(channel: number): PassThrough;
  /** Sends on a channel, as fast as the client reads. Its end closes nothing. */
  send(channel: number): Writable;
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** Splits a WebSocket into channels. Channels without a receiver are dropped. */
export function createChannels(socket: WebSocket): Channels {
  const receivers = new Map<number, PassThrough>();
  socket.on('message', (data) => {
    const message = toBuffer(data);
    const channel = message[0];
    if (channel === undefined) return;
    if (channel === execChannel.close) {
      receivers.get(message[1] ?? -1)?.end();
      return;
    }
    const receiver = receivers.get(channel);
    if (receiver === undefined || receiver.writableEnded || message.length === 1) return;
    if (!receiver.write(message.subarray(1))) {
      socket.pause();
      receiver.once('drain', () => {
        socket.resume();
      });
    }
  });
  socket.on('close', () => {
    for (const receiver of receivers.values()) receiver.end();
  });
  return {
    receive(channel) {
      const receiver = new PassThrough();
      // A reader that went away must not hold up the other channels.
      receiver.on('close', () => {
        socket.resume();
      });
      receivers.set(channel, receiver);
      return receiver;
    },
    send: (channel) =>
      new Writable({
        write(data: Buffer, _encoding, done) {
          socket.send(Buffer.concat([Buffer.from([channel]), data]), done);
        },
      }),
  };
}
