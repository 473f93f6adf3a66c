import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { defined } from '../../../base/defined.ts';
import type { ContainerReference, ExecOptions, ExecResult } from '../../../ports/pod-access.ts';
import type { Connection } from '../client/connection.ts';
import { queryOf } from '../client/paths.ts';
import { ChannelSocket } from './channel-socket.ts';
import { parseExecStatus } from './exec-status.ts';
import { openSocket } from './web-socket.ts';

/** Channels of an exec. */
export const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3 } as const;

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** API servers read a message whole before they pass it on. */
const sendBytes = 128 * 1024;

/** How an exec is opened. */
export interface OpenExecOptions {
  command: readonly string[];
  stdin: boolean;
  signal: AbortSignal;
  /** Milliseconds without any answer after which the connection is lost; missing: it may be silent without end. */
  silenceMs?: number | undefined;
}

/** Opens an exec; the caller reads its channels and closes it. @throws ClusterError, `signal.reason` */
export async function openExec(
  connection: Connection,
  container: ContainerReference,
  { command, stdin, signal, silenceMs }: OpenExecOptions,
): Promise<ChannelSocket> {
  const { namespace, pod } = container;
  const query = queryOf({
    command,
    container: container.container,
    stdin,
    stdout: true,
    stderr: true,
    tty: false,
  });
  const base = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
  const what = `exec into container "${container.container}" of pod "${pod}" in namespace "${namespace}"`;
  const request = { path: `${base}/exec${query}`, what, protocols, ...defined({ silenceMs }) };
  const socket = new ChannelSocket(await openSocket(connection, request, signal));
  if (silenceMs !== undefined) socket.endWhenSilent(silenceMs);
  return socket;
}

/** Sends bytes to standard input, in messages that an API server takes well. */
export async function sendStdin(socket: ChannelSocket, data: Buffer): Promise<void> {
  for (let from = 0; from < data.length; from += sendBytes) {
    await socket.send(channels.stdin, data.subarray(from, from + sendBytes));
  }
}

/**
 * Runs a command to its end: see {@link import('../../../ports/pod-access.ts').PodAccess.exec}. With `silenceMs` a
 * connection that no answer comes through for so long is lost.
 */
export async function exec(
  connection: Connection,
  container: ContainerReference,
  options: ExecOptions & { silenceMs?: number },
): Promise<ExecResult> {
  const { signal, stdin, command, silenceMs } = options;
  const how = { command, stdin: stdin !== undefined, signal, silenceMs };
  const socket = await openExec(connection, container, how);
  const abort = () => socket.close();
  signal.addEventListener('abort', abort, { once: true });
  const feeding = stdin === undefined ? Promise.resolve() : feed(socket, stdin);
  const feedingFailed = feeding.then(
    () => undefined,
    (error: unknown) => {
      socket.close();
      return { error };
    },
  );
  try {
    const result = await drain(socket, options);
    signal.throwIfAborted();
    if (result.type === 'lost') {
      const failed = socket.closeReason === 'closed by this side' ? await feedingFailed : undefined;
      if (failed !== undefined) throw failed.error;
    }
    return result;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.close();
    if (stdin !== undefined && !stdin.readableEnded) stdin.destroy();
    await feedingFailed;
  }
}

async function feed(socket: ChannelSocket, stdin: AsyncIterable<Buffer | string>): Promise<void> {
  for await (const chunk of stdin) {
    if (socket.closeReason !== undefined) return;
    await sendStdin(socket, Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk));
  }
  if (socket.canCloseChannels) await socket.closeChannel(channels.stdin);
}

async function drain(socket: ChannelSocket, { stdout, stderr }: ExecOptions): Promise<ExecResult> {
  for (;;) {
    const message = await socket.next();
    if (message === undefined) {
      return { type: 'lost', reason: `the connection ended without a status (${socket.closeReason ?? ''})` };
    }
    if (message.channel === channels.status) return parseExecStatus(message.data.toString('utf8'));
    if (message.data.length === 0) continue; // an API server opens each channel with an empty message
    if (message.channel === channels.stdout && stdout !== undefined) await write(stdout, message.data);
    if (message.channel === channels.stderr && stderr !== undefined) await write(stderr, message.data);
  }
}

async function write(stream: Writable, data: Buffer): Promise<void> {
  if (stream.destroyed) throw stream.errored ?? new Error('the receiver of the output was closed');
  if (!stream.write(data)) await once(stream, 'drain');
}
