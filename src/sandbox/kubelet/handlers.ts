import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../../base/errors.ts';
import type { Container, Handler } from './pod-types.ts';
import type { ProbeAnswer } from './probe-loop.ts';
import { pause } from './probe-loop.ts';
import type { RunningContainer } from './runtime.ts';

/** What a probe or a hook acts on. */
export interface HandlerTarget {
  container: Container;
  running: RunningContainer;
  podIP: string;
  /** A connection to a port of the pod; rejects with the system's error when nothing listens. */
  connect(port: number, signal: AbortSignal): Promise<Duplex>;
}

const mostOutputBytes = 10 * 1024;

/** Runs a probe's or hook's action once, within `signal`; the messages are those of the kubelet. Never rejects. */
export async function runHandler(
  handler: Handler,
  target: HandlerTarget,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  if (handler.exec !== undefined) return runExec(handler.exec.command ?? [], target, signal);
  if (handler.httpGet !== undefined) return runHttp(handler.httpGet, target, signal);
  if (handler.tcpSocket !== undefined) return runTcp(handler.tcpSocket.port, target, signal);
  if (handler.sleep !== undefined) {
    await pause(handler.sleep.seconds * 1000, signal);
    return { healthy: true };
  }
  return {
    healthy: false,
    message: 'the sandbox has no handler of this type (it has exec, httpGet, tcpSocket and sleep)',
  };
}

async function runExec(
  command: readonly string[],
  { running }: HandlerTarget,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const child = running.exec(command, { stdin: false, tty: false });
  let output = '';
  const collect = (chunk: Buffer): void => {
    if (output.length < mostOutputBytes) output += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const stop = (): void => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { exitCode } = await child.ended;
    if (signal.aborted) return { healthy: false, message: 'command timed out' };
    return exitCode === 0 ? { healthy: true } : { healthy: false, message: output.slice(0, mostOutputBytes) };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The number of a port that is given as a number or by the name of a container's port. */
export function portNumber(container: Container, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  return named ?? (/^\d+$/.test(port) ? Number(port) : undefined);
}

async function runTcp(
  port: number | string,
  target: HandlerTarget,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const number = portNumber(target.container, port);
  if (number === undefined) return { healthy: false, message: `couldn't find port: ${port}` };
  try {
    (await target.connect(number, signal)).destroy();
    return { healthy: true };
  } catch (error) {
    return {
      healthy: false,
      message: `dial tcp ${target.podIP}:${number}: ${networkMessage(error, signal)}`,
    };
  }
}

async function runHttp(
  get: NonNullable<Handler['httpGet']>,
  target: HandlerTarget,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const port = portNumber(target.container, get.port);
  if (port === undefined) return { healthy: false, message: `couldn't find port: ${get.port}` };
  const secure = get.scheme === 'HTTPS';
  const path = `/${(get.path ?? '/').replace(/^\//, '')}`;
  const url = `${secure ? 'https' : 'http'}://${get.host ?? target.podIP}:${port}${path}`;
  try {
    const socket = await target.connect(port, signal);
    const status = await requestStatus(socket, {
      secure,
      path,
      host: `${target.podIP}:${port}`,
      headers: get.httpHeaders ?? [],
      signal,
    });
    return status >= 200 && status < 400
      ? { healthy: true }
      : { healthy: false, message: `HTTP probe failed with statuscode: ${status}` };
  } catch (error) {
    const why = networkMessage(error, signal);
    const dial = why === 'connect: connection refused' ? `dial tcp ${target.podIP}:${port}: ` : '';
    return { healthy: false, message: `Get "${url}": ${dial}${why}` };
  }
}

interface StatusRequest {
  secure: boolean;
  path: string;
  host: string;
  headers: { name: string; value: string }[];
  signal: AbortSignal;
}

async function requestStatus(
  socket: Duplex,
  { secure, path, host, headers, signal }: StatusRequest,
): Promise<number> {
  const named = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  const options = {
    path,
    headers: { host, 'user-agent': 'kube-probe/sandbox', accept: '*/*', connection: 'close', ...named },
    signal,
  };
  try {
    return await new Promise<number>((resolve, reject) => {
      const createConnection = (): Duplex =>
        secure ? connectTls({ socket, rejectUnauthorized: false }) : socket;
      const made = request({ ...options, createConnection });
      made.once('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      made.once('error', reject);
      made.end();
    });
  } finally {
    socket.destroy();
  }
}

function networkMessage(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ECONNREFUSED') return 'connect: connection refused';
  return code === 'ECONNRESET' ? 'EOF' : messageOf(error);
}
