import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import { messageOf } from '../../../base/errors.ts';
import type { StreamTarget } from '../log.ts';
import type { SpdyStream } from './spdy.ts';
import { serveSpdy } from './spdy.ts';
import { createChannels } from './websocket-channels.ts';

/** Whose ports are forwarded. `signal` ends it. */
export interface ForwardTarget extends StreamTarget {
  signal: AbortSignal;
}

function connect({ key: { namespace, pod }, signal, streams }: ForwardTarget, port: number): Promise<Duplex> {
  return streams.portForward({ namespace, pod, port, signal });
}

/** What the kubelet says on the error stream. */
function failure({ key }: ForwardTarget, port: number, error: unknown): string {
  return `error forwarding port ${port} to pod ${key.pod}, uid : ${messageOf(error)}`;
}

/**
 * Copies both ways until the pod's end is done. That the client has sent all it has to say only closes that
 * direction; a failure of either ends both.
 */
async function join(
  client: { from: NodeJS.ReadableStream; to: NodeJS.WritableStream },
  remote: Duplex,
): Promise<void> {
  const sending = pipeline(client.from, remote).catch(() => {
    remote.destroy();
  });
  try {
    await pipeline(remote, client.to);
  } catch {
    // One side went away: the connection is over for the other one, too.
  }
  remote.destroy();
  await sending;
}

/**
 * Port-forward as kubectl speaks it, over SPDY inside a WebSocket: the client opens an error stream and a
 * data stream for each connection, tied together by `requestid`.
 */
export async function forwardOverSpdy(connection: Duplex, target: ForwardTarget): Promise<void> {
  const errorStreams = new Map<string, Duplex>();
  const forward = async ({ headers, channel }: SpdyStream): Promise<void> => {
    const id = headers.get('requestid') ?? '';
    if (headers.get('streamtype') === 'error') {
      errorStreams.set(id, channel);
      channel.resume();
      return;
    }
    const port = Number(headers.get('port'));
    const errors = errorStreams.get(id);
    errorStreams.delete(id);
    try {
      await join({ from: channel, to: channel }, await connect(target, port));
      errors?.end();
    } catch (error) {
      errors?.end(failure(target, port, error));
      channel.end();
    }
  };
  await serveSpdy(connection, (stream) => {
    stream.channel.on('error', () => {
      // The connection went away; join ends by it.
    });
    void forward(stream);
  });
}

/**
 * Port-forward over WebSocket channels (`v4.channel.k8s.io`): one connection a port, data on channel 2n and errors on
 * 2n+1; each begins with the port's number (two bytes, little-endian).
 */
export async function forwardOverChannels(
  socket: WebSocket,
  ports: readonly number[],
  target: ForwardTarget,
): Promise<void> {
  const channels = createChannels(socket);
  const forward = async (port: number, index: number): Promise<void> => {
    const from = channels.receive(2 * index);
    const data = channels.send(2 * index);
    const errors = channels.send(2 * index + 1);
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    data.write(number);
    errors.write(number);
    try {
      await join({ from, to: data }, await connect(target, port));
    } catch (error) {
      await new Promise<void>((resolve) => {
        errors.end(failure(target, port, error), () => resolve());
      });
    }
  };
  await Promise.all(ports.map(forward));
  socket.close(1000);
}
