/** Plain HTTP and WebSocket to a Kubernetes API: the cases look at the wire, not at what a client library makes of it. */
import { readFile } from 'node:fs/promises';
import { Agent, fetch } from 'undici';
import { WebSocket } from 'ws';
import { parse } from 'yaml';

/** Any object of the API; the cases look into it freely. */

export type Json = any;

/** What the server answered. */
export interface Answer {
  code: number;
  headers: Headers;
  /** The parsed body, or its text when it is not JSON. */
  body: Json;
  /** The body as it came. */
  text: string;
}

export interface RequestOptions {
  query?: Record<string, string>;
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal;
}

/** The outcome of a command run by exec. */
export interface ExecOutcome {
  stdout: string;
  stderr: string;
  /** The Status of the error channel. */
  status: Json;
}

/** One watch event. */
export interface WatchEvent {
  type: string;
  object: Json;
}

export interface Wire {
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** Collects watch events until `enough` says so or the server ends the stream. */
  watch(
    path: string,
    query: Record<string, string>,
    enough: (events: WatchEvent[]) => boolean,
  ): Promise<WatchEvent[]>;
  exec(namespace: string, pod: string, options: ExecOptions): Promise<ExecOutcome>;
  close(): Promise<void>;
}

export interface ExecOptions {
  command: string[];
  container?: string;
  stdin?: string;
  tty?: boolean;
  /** How a flag is said to be set; `true` when it is missing. */
  yes?: string;
}

interface Connection {
  server: string;
  ca: string | undefined;
  cert: string | undefined;
  key: string | undefined;
  token: string | undefined;
}

/** The current context of a kubeconfig. */
async function readConnection(path: string): Promise<Connection> {
  const config = parse(await readFile(path, 'utf8'));
  const context = config.contexts.find((entry: Json) => entry.name === config['current-context']).context;
  const { cluster } = config.clusters.find((entry: Json) => entry.name === context.cluster);
  const { user } = config.users.find((entry: Json) => entry.name === context.user);
  const pem = async (holder: Json, field: string): Promise<string | undefined> => {
    const data = holder[`${field}-data`] as string | undefined;
    if (data !== undefined) return Buffer.from(data, 'base64').toString();
    return holder[field] === undefined ? undefined : readFile(holder[field], 'utf8');
  };
  return {
    server: cluster.server,
    ca: await pem(cluster, 'certificate-authority'),
    cert: await pem(user, 'client-certificate'),
    key: await pem(user, 'client-key'),
    token: user.token,
  };
}

/** Connects to the cluster of a kubeconfig. */
export async function connect(kubeconfig: string): Promise<Wire> {
  const connection = await readConnection(kubeconfig);
  const { ca, cert, key } = connection;
  const tls = Object.fromEntries(
    Object.entries({ ca, cert, key }).filter(([, value]) => value !== undefined),
  );
  const dispatcher = new Agent({ connect: tls });
  const authorization: Record<string, string> =
    connection.token === undefined ? {} : { authorization: `Bearer ${connection.token}` };

  async function send(method: string, path: string, options: RequestOptions): ReturnType<typeof fetch> {
    const url = new URL(path, connection.server);
    for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, value);
    const body = options.body === undefined ? null : bodyOf(options.body);
    return fetch(url, {
      method,
      dispatcher,
      body,
      signal: options.signal ?? AbortSignal.timeout(20_000),
      headers: {
        ...authorization,
        accept: options.accept ?? 'application/json',
        ...(body === null ? {} : { 'content-type': options.contentType ?? 'application/json' }),
      },
    });
  }

  async function request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const response = await send(method, path, options);
    const text = await response.text();
    return {
      code: response.status,
      headers: response.headers as unknown as Headers,
      body: parseBody(text),
      text,
    };
  }

  async function watch(
    path: string,
    query: Record<string, string>,
    enough: (events: WatchEvent[]) => boolean,
  ): Promise<WatchEvent[]> {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(150_000)]);
    const response = await send('GET', path, { query: { watch: 'true', ...query }, signal });
    const events: WatchEvent[] = [];
    if (response.status !== 200)
      return [{ type: `HTTP ${response.status}`, object: parseBody(await response.text()) }];
    let rest = '';
    try {
      for await (const chunk of response.body ?? []) {
        rest += Buffer.from(chunk).toString();
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') events.push(JSON.parse(line) as WatchEvent);
        if (enough(events)) return events;
      }
      return events;
    } finally {
      abort.abort();
    }
  }

  async function exec(namespace: string, pod: string, options: ExecOptions): Promise<ExecOutcome> {
    const url = new URL(
      `/api/v1/namespaces/${namespace}/pods/${pod}/exec`,
      connection.server.replace(/^http/, 'ws'),
    );
    for (const part of options.command) url.searchParams.append('command', part);
    const flags = {
      stdout: true,
      stderr: options.tty !== true,
      stdin: options.stdin !== undefined,
      tty: options.tty === true,
    };
    for (const [name, value] of Object.entries(flags))
      if (value) url.searchParams.set(name, options.yes ?? 'true');
    if (options.container !== undefined) url.searchParams.set('container', options.container);
    const socket = new WebSocket(url, ['v4.channel.k8s.io'], { ...tls, headers: authorization });
    const channels: string[] = ['', '', '', ''];
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => socket.terminate(), 15_000);
      socket.on('open', () => {
        if (options.stdin !== undefined)
          socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(options.stdin)]));
      });
      socket.on('message', (data: Buffer) => {
        const channel = data[0] ?? 0;
        channels[channel] = (channels[channel] ?? '') + data.subarray(1).toString();
      });
      socket.on('unexpected-response', (_request, response) => {
        clearTimeout(deadline);
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ stdout: '', stderr: '', status: { code: response.statusCode, ...parseBody(text) } }),
        );
      });
      socket.on('error', reject);
      socket.on('close', () => {
        clearTimeout(deadline);
        const [, stdout = '', stderr = '', status = ''] = channels;
        resolve({ stdout, stderr, status: status === '' ? undefined : parseBody(status) });
      });
    });
  }

  return { request, watch, exec, close: () => dispatcher.close() };
}

function bodyOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function parseBody(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
