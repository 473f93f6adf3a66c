import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:https';

/** How the double behaves. */
export interface OciRegistryOptions {
  /** `basic` and `bearer` accept `user`; `none` everybody. Default `none`. */
  auth?: 'none' | 'basic' | 'bearer';
  user?: { username: string; password: string };
  /** Tags that may not move once they are set. */
  immutable?: boolean;
  /** Whether blobs of other repositories may be mounted; default true. */
  mounts?: boolean;
  tls?: { key: string; cert: string };
  /** What HEAD and GET of manifests leave out: some registries do. */
  withoutDigestHeader?: boolean;
}

/** A fault: the next `times` requests that fit get `status`, or a broken connection after some of the body. */
interface Fault {
  method: string;
  path: RegExp;
  times: number;
  status?: number;
  breakAfterBytes?: number;
  headers?: Record<string, string>;
  body?: string;
}

/** A small OCI registry in memory, for tests: https://github.com/opencontainers/distribution-spec/blob/main/spec.md */
export interface OciRegistryDouble {
  /** `127.0.0.1:PORT` */
  host: string;
  blobs: Map<string, Buffer>;
  /** `repository:tag` and `repository@digest` to the manifest. */
  manifests: Map<string, { mediaType: string; bytes: Buffer }>;
  /** Blobs that each repository has. */
  linked: Map<string, Set<string>>;
  /** `METHOD /path` of every request, in order. */
  requests: string[];
  faults: Fault[];
  /** Called for each request. */
  onRequest?: (request: IncomingMessage) => void;
  /** Bytes of blobs that were received. */
  received: () => number;
  close(): Promise<void>;
}

interface State extends Omit<OciRegistryDouble, 'host' | 'received' | 'close'> {
  options: OciRegistryOptions;
  host: string;
  uploads: Map<string, Buffer>;
  tokens: Map<string, string>;
  receivedBytes: number;
}

/** Starts a registry double on a free port of 127.0.0.1. */
export async function startOciRegistry(options: OciRegistryOptions = {}): Promise<OciRegistryDouble> {
  const state: State = {
    options,
    host: '',
    blobs: new Map(),
    manifests: new Map(),
    linked: new Map(),
    requests: [],
    faults: [],
    uploads: new Map(),
    tokens: new Map(),
    receivedBytes: 0,
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    answer(state, request, response).catch((error: unknown) => {
      if (!response.destroyed) response.writeHead(500).end(String(error));
    });
  };
  const server: Server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return Object.assign(state, {
    received: () => state.receivedBytes,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', `http://${state.host}`);
  const method = request.method ?? 'GET';
  state.onRequest?.(request);
  state.requests.push(`${method} ${url.pathname}${url.search}`);
  const fault = state.faults.find(
    (one) => one.times > 0 && one.method === method && one.path.test(url.pathname),
  );
  if (fault !== undefined) {
    fault.times -= 1;
    await fail(state, fault, { url, request, response });
    return;
  }
  if (url.pathname === '/token') {
    issueToken(state, request, response, url);
    return;
  }
  if (!authorized(state, request)) {
    await drain(request);
    challenge(state, response, url);
    return;
  }
  await route(state, { method, url, request, response });
}

interface Exchange {
  method?: string;
  url: URL;
  request: IncomingMessage;
  response: ServerResponse;
}

async function fail(state: State, fault: Fault, { url, request, response }: Exchange): Promise<void> {
  if (fault.status !== undefined) {
    await drain(request);
    response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    return;
  }
  const upload = /\/blobs\/uploads\/([\w-]+)$/.exec(url.pathname)?.[1];
  let taken = Buffer.alloc(0);
  for await (const chunk of request as AsyncIterable<Buffer>) {
    taken = Buffer.concat([taken, chunk]);
    if (taken.length >= (fault.breakAfterBytes ?? 0)) break;
  }
  const kept = taken.subarray(0, fault.breakAfterBytes ?? 0);
  if (upload !== undefined)
    state.uploads.set(upload, Buffer.concat([state.uploads.get(upload) ?? Buffer.alloc(0), kept]));
  request.destroy();
  response.destroy();
}

async function route(state: State, exchange: Required<Exchange>): Promise<void> {
  const { url, response } = exchange;
  if (url.pathname === '/v2/') {
    response.writeHead(200).end('{}');
    return;
  }
  const found = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs)\/(.*)$/.exec(url.pathname);
  const [, repository = '', kind = '', rest = ''] = found ?? [];
  if (kind === 'manifests') await manifest(state, exchange, { repository, version: rest });
  else if (kind === 'blobs') blob(state, exchange, { repository, digest: rest });
  else if (kind === 'blobs/uploads') await upload(state, exchange, { repository, id: rest });
  else refuse(response, 404, 'UNSUPPORTED');
}

async function manifest(
  state: State,
  { method, request, response }: Required<Exchange>,
  { repository, version }: { repository: string; version: string },
): Promise<void> {
  const key = version.startsWith('sha256:') ? `${repository}@${version}` : `${repository}:${version}`;
  if (method === 'PUT') {
    const bytes = await read(request);
    const digest = digestOf(bytes);
    const before = state.manifests.get(key);
    if (state.options.immutable === true && before !== undefined && !before.bytes.equals(bytes)) {
      refuse(response, 412, 'PRECONDITION', `${key} configured as immutable`);
      return;
    }
    const { config, layers = [] } = JSON.parse(bytes.toString()) as { config?: Blob; layers?: Blob[] };
    const missing = [...(config ? [config] : []), ...layers].find(
      (one) => !state.linked.get(repository)?.has(one.digest),
    );
    if (missing !== undefined) {
      refuse(response, 400, 'MANIFEST_BLOB_UNKNOWN', missing.digest);
      return;
    }
    const stored = { mediaType: request.headers['content-type'] ?? '', bytes };
    state.manifests.set(key, stored);
    state.manifests.set(`${repository}@${digest}`, stored);
    response.writeHead(201, { 'docker-content-digest': digest }).end();
    return;
  }
  const stored = state.manifests.get(key);
  if (stored === undefined) {
    refuse(response, 404, 'MANIFEST_UNKNOWN');
    return;
  }
  response
    .writeHead(200, {
      'content-type': stored.mediaType,
      'content-length': stored.bytes.length,
      ...(state.options.withoutDigestHeader === true
        ? {}
        : { 'docker-content-digest': digestOf(stored.bytes) }),
    })
    .end(method === 'HEAD' ? undefined : stored.bytes);
}

interface Blob {
  digest: string;
}

function blob(
  state: State,
  { method, response }: Required<Exchange>,
  { repository, digest }: { repository: string; digest: string },
): void {
  const bytes = state.linked.get(repository)?.has(digest) === true ? state.blobs.get(digest) : undefined;
  if (bytes === undefined) refuse(response, 404, 'BLOB_UNKNOWN');
  else response.writeHead(200, { 'content-length': bytes.length }).end(method === 'HEAD' ? undefined : bytes);
}

async function upload(
  state: State,
  { method, url, request, response }: Required<Exchange>,
  { repository, id }: { repository: string; id: string },
): Promise<void> {
  if (method === 'POST') {
    beginUpload(state, url, { repository, response });
    return;
  }
  const so = state.uploads.get(id);
  if (so === undefined) {
    await drain(request);
    refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN');
    return;
  }
  const location = `/v2/${repository}/blobs/uploads/${id}?state=${String(so.length)}`;
  if (method === 'GET') {
    response.writeHead(204, { location, range: `0-${String(Math.max(0, so.length - 1))}` }).end();
    return;
  }
  if (method === 'DELETE') {
    state.uploads.delete(id);
    response.writeHead(204).end();
    return;
  }
  const start = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1];
  const body = await read(request);
  state.receivedBytes += body.length;
  if (start !== undefined && Number(start) !== so.length) {
    response.writeHead(416, { location, range: `0-${String(Math.max(0, so.length - 1))}` }).end();
    return;
  }
  const whole = Buffer.concat([so, body]);
  if (method === 'PATCH') {
    state.uploads.set(id, whole);
    response.writeHead(202, { location, range: `0-${String(whole.length - 1)}` }).end();
    return;
  }
  const digest = url.searchParams.get('digest') ?? '';
  state.uploads.delete(id);
  if (digestOf(whole) !== digest) {
    refuse(response, 400, 'DIGEST_INVALID');
    return;
  }
  state.blobs.set(digest, whole);
  link(state, repository, digest);
  response.writeHead(201, { 'docker-content-digest': digest }).end();
}

function beginUpload(
  state: State,
  url: URL,
  { repository, response }: { repository: string; response: ServerResponse },
): void {
  const digest = url.searchParams.get('mount');
  const from = url.searchParams.get('from');
  if (
    digest !== null &&
    from !== null &&
    state.options.mounts !== false &&
    state.linked.get(from)?.has(digest) === true
  ) {
    link(state, repository, digest);
    response.writeHead(201).end();
    return;
  }
  const started = randomUUID();
  state.uploads.set(started, Buffer.alloc(0));
  response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/${started}?state=x` }).end();
}

function authorized(state: State, request: IncomingMessage): boolean {
  const { auth = 'none' } = state.options;
  const header = request.headers.authorization ?? '';
  if (auth === 'none') return true;
  if (auth === 'basic') return header === basic(state);
  const scopes = state.tokens.get(header.replace(/^Bearer /, ''));
  const path = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(request.url ?? '')?.[1];
  const need = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'push';
  return (
    scopes !== undefined && (path === undefined || new RegExp(`repository:${path}:\\S*${need}`).test(scopes))
  );
}

function challenge(state: State, response: ServerResponse, url: URL): void {
  const path = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url.pathname)?.[1];
  const scope = path === undefined ? '' : `,scope="repository:${path}:pull"`;
  const value =
    state.options.auth === 'basic'
      ? 'Basic realm="double"'
      : `Bearer realm="http://${state.host}/token",service="double"${scope}`;
  response.writeHead(401, { 'www-authenticate': value, 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
}

function issueToken(state: State, request: IncomingMessage, response: ServerResponse, url: URL): void {
  const header = request.headers.authorization;
  if (state.options.user !== undefined && header !== basic(state)) {
    refuse(response, 401, 'UNAUTHORIZED', 'incorrect username or password');
    return;
  }
  const token = randomUUID();
  state.tokens.set(token, url.searchParams.getAll('scope').join(' '));
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token }));
}

function basic({ options: { user } }: State): string {
  return `Basic ${Buffer.from(`${user?.username ?? ''}:${user?.password ?? ''}`).toString('base64')}`;
}

function link(state: State, repository: string, digest: string): void {
  state.linked.set(repository, (state.linked.get(repository) ?? new Set()).add(digest));
}

function refuse(response: ServerResponse, status: number, code: string, message = code): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function drain(request: IncomingMessage): Promise<void> {
  for await (const _chunk of request);
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
