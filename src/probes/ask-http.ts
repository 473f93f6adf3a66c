import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect, rootCertificates } from 'node:tls';
import { parseDuration } from '../base/duration.ts';
import { messageOf, SlipwayError } from '../base/errors.ts';
import { ClusterError, ForbiddenError, UnauthorizedError } from '../ports/cluster-errors.ts';
import type { CallOptions } from '../ports/cluster.ts';
import type { Opened } from './open-connection.ts';

/** Bytes of a body that are read. */
export const maxBodyBytes = 1024 * 1024;

/** Whom to believe that it is the server. */
export interface ProbeTls {
  /** Accept any certificate. */
  insecure?: boolean | undefined;
  /** PEM certificates to trust besides those of the system. */
  ca?: string | undefined;
  /** Name to expect in the certificate; default: the host. */
  serverName?: string | undefined;
}

/** What to ask. */
export interface HttpProbe {
  url: URL;
  /** Default GET. */
  method?: string | undefined;
  /** With their secrets filled in. */
  headers?: Readonly<Record<string, string>>;
  body?: string | undefined;
  /** Time limit of all of it, redirects too: `10s`. */
  timeout: string;
  /** Redirects that are followed; default 5. */
  redirects?: number | undefined;
  tls?: ProbeTls | undefined;
}

/** An answer as far as probes look at it. */
export interface HttpAnswer {
  status: number;
  /** Names in lowercase. */
  headers: Readonly<Record<string, string>>;
  /** The first bytes, at most {@link maxBodyBytes}. */
  body: string;
}

/**
 * What came of it; `url` is where the answer, or the failure, came from after redirects, `to` what was connected to.
 * `isUnasked`: nobody was asked, since the way there is missing; this says nothing of who would have answered.
 */
export type HttpProbed =
  | { type: 'answered'; answer: HttpAnswer; url: URL; to: string }
  | { type: 'failed'; reason: string; url: URL; isUnasked: boolean };

/** Opens a connection to where a URL leads. */
export type OpenHttp = (target: { host: string; port: number }, options: CallOptions) => Promise<Opened>;

/** Statuses of redirects, which are followed. */
export const redirectStatus: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The answer turns the connection into something else than HTTP. */
class UpgradeError extends Error {
  readonly code = 'http-upgrade';
}

/** One request of a chain of redirects. */
interface Hop {
  url: URL;
  method: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
}

/** What came of a hop. */
type HopResult =
  | { type: 'answer'; answer: HttpAnswer; to: string; location: URL | undefined }
  | { type: 'failed'; reason: string; isNowhere: boolean };

/**
 * Asks once. Trouble of the connection is a failed probe, to be tried again; only what no attempt can mend is thrown.
 * @throws ForbiddenError, UnauthorizedError, or the signal's reason
 */
export async function askHttp(probe: HttpProbe, open: OpenHttp, options: CallOptions): Promise<HttpProbed> {
  const limit = AbortSignal.timeout(parseDuration(probe.timeout));
  const signal = AbortSignal.any([options.signal, limit]);
  const { url, method = 'GET', headers = {}, body } = probe;
  let hop: Hop = { url, method, headers, body };
  let isOpening = false as boolean;
  const openHop: OpenHttp = async (target, call) => {
    isOpening = true;
    const opened = await open(target, call);
    isOpening = false;
    return opened;
  };
  try {
    for (let left = probe.redirects ?? 5; ; left--) {
      const result = await ask(hop, probe, openHop, { signal });
      if (result.type === 'failed') {
        const { reason, isNowhere } = result;
        return { type: 'failed', reason, url: hop.url, isUnasked: isNowhere && hop.url === url };
      }
      const { answer, to, location } = result;
      if (location === undefined || left === 0) return { type: 'answered', answer, url: hop.url, to };
      hop = redirected(hop, answer.status, location);
    }
  } catch (error) {
    options.signal.throwIfAborted();
    const late = limit.aborted ? `no answer within ${probe.timeout}` : undefined;
    const reason = late ?? reasonToTryAgain(error);
    // Where a redirect may not lead is the fault of who sent it.
    const isUnasked = isOpening && (hop.url === url || late !== undefined || error instanceof ClusterError);
    return { type: 'failed', reason, url: hop.url, isUnasked };
  }
}

/** Rethrows what no further attempt can mend, and faults of our own. */
function reasonToTryAgain(error: unknown): string {
  if (error instanceof ForbiddenError || error instanceof UnauthorizedError) throw error;
  if (error instanceof SlipwayError || isConnectionError(error)) return messageOf(error);
  throw error;
}

/** The next request, by the rules of fetch; another origin gets none of the headers, which may hold secrets. */
function redirected({ url, method, headers, body }: Hop, status: number, next: URL): Hop {
  const becomesGet = status === 303 || ((status === 301 || status === 302) && method === 'POST');
  return {
    url: next,
    method: becomesGet && method !== 'HEAD' ? 'GET' : method,
    headers: next.origin === url.origin ? headers : {},
    body: becomesGet ? undefined : body,
  };
}

async function ask(hop: Hop, { tls }: HttpProbe, open: OpenHttp, options: CallOptions): Promise<HopResult> {
  const secure = hop.url.protocol === 'https:';
  const port = hop.url.port === '' ? (secure ? 443 : 80) : Number(hop.url.port);
  const opened = await open({ host: hop.url.hostname, port }, options);
  if (opened.type === 'closed') {
    const { reason, isNowhere = false } = opened;
    return { type: 'failed', reason, isNowhere };
  }
  const { stream, to } = opened;
  try {
    const channel = secure ? encrypt(stream, hop.url.hostname, tls) : stream;
    const response = await exchange(hop, channel, options);
    const body = hop.method === 'HEAD' ? '' : await bodyOf(response);
    const status = response.statusCode ?? 0;
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
    );
    const location = redirectStatus.has(status) ? locationOf(response, hop.url) : undefined;
    return { type: 'answer', answer: { status, headers, body }, to, location };
  } finally {
    stream.destroy();
  }
}

/** Where a redirect leads, when that is something that can be asked. */
function locationOf({ headers }: IncomingMessage, from: URL): URL | undefined {
  const location = headers.location ?? '';
  if (location === '' || !URL.canParse(location, from.href)) return undefined;
  const url = new URL(location, from);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

function encrypt(stream: Duplex, host: string, tls: ProbeTls | undefined): Duplex {
  const isAddress = /^[\d.]+$|:/.test(host);
  return tlsConnect({
    socket: stream,
    // Whom the certificate must name; without it, that would be localhost for an address.
    host: host.replace(/^\[|\]$/g, ''),
    ...(isAddress && tls?.serverName === undefined ? {} : { servername: tls?.serverName ?? host }),
    rejectUnauthorized: tls?.insecure !== true,
    ...(tls?.ca === undefined ? {} : { ca: [...rootCertificates, tls.ca] }),
  });
}

function exchange(hop: Hop, channel: Duplex, { signal }: CallOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => channel,
      method: hop.method,
      path: `${hop.url.pathname}${hop.url.search}`,
      headers: headersOf(hop),
      signal,
    });
    request.once('response', resolve);
    // Node lets go of such a connection: neither an error nor the signal would be heard of any more.
    for (const event of ['upgrade', 'connect'])
      request.once(event, ({ statusCode = 0 }: IncomingMessage) =>
        reject(new UpgradeError(`status ${String(statusCode)}, which changes to another protocol`)),
      );
    // Stays: no one else handles an error after the answer began.
    request.on('error', reject);
    channel.on('error', reject);
    request.end(hop.body);
  });
}

function headersOf({ url, headers, body }: Hop): Record<string, string> {
  return {
    'user-agent': 'slipway',
    host: url.host,
    ...lowerCase(headers),
    connection: 'close',
    // Without it the body of a GET would be read as another request.
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    pieces.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes >= maxBodyBytes) break;
  }
  return Buffer.concat(pieces).subarray(0, maxBodyBytes).toString('utf8');
}

/** Errors of sockets, TLS and HTTP parsing carry a code. */
function isConnectionError(error: unknown): boolean {
  return typeof (error as { code?: unknown } | null)?.code === 'string';
}
