import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect, rootCertificates } from 'node:tls';
import { parseDuration } from '../../base/duration.ts';
import { messageOf, SlipwayError } from '../../base/errors.ts';
import { ForbiddenError, UnauthorizedError } from '../../ports/cluster-errors.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import type { CheckResult } from './check-result.ts';
import { unmet, type HttpAnswer } from './expectation.ts';
import { openConnection, type Reach } from './open-connection.ts';
import type { HttpCheck } from './settings.ts';

/** Bytes of a body that are read. */
export const maxBodyBytes = 1024 * 1024;

const redirectStatus = new Set([301, 302, 303, 307, 308]);

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
  | { type: 'failed'; reason: string };

/**
 * Asks once and compares the answer with what is expected. Trouble of the connection is a failed check, to be tried
 * again; only what no attempt can mend is thrown.
 * @param headers with their secrets filled in
 * @throws ForbiddenError, UnauthorizedError, or the signal's reason
 */
export async function checkHttp(
  check: HttpCheck,
  headers: Readonly<Record<string, string>>,
  reach: Reach,
  options: CallOptions,
): Promise<CheckResult> {
  const limit = AbortSignal.timeout(parseDuration(check.timeout ?? '10s'));
  const signal = AbortSignal.any([options.signal, limit]);
  let hop: Hop = { url: new URL(check.url), method: check.method ?? 'GET', headers, body: check.body };
  try {
    for (let left = check.redirects ?? 5; ; left--) {
      const result = await ask(hop, check, reach, { signal });
      if (result.type === 'failed') return { passed: false, message: `${hop.url.href}: ${result.reason}` };
      if (result.location === undefined || left === 0) return judge(result, hop, check);
      hop = redirected(hop, result.answer.status, result.location);
    }
  } catch (error) {
    options.signal.throwIfAborted();
    const late = limit.aborted ? `no answer within ${check.timeout ?? '10s'}` : undefined;
    return { passed: false, message: `${hop.url.href}: ${late ?? reasonToTryAgain(error)}` };
  }
}

/** Rethrows what no further attempt can mend, and faults of our own. */
function reasonToTryAgain(error: unknown): string {
  if (error instanceof ForbiddenError || error instanceof UnauthorizedError) throw error;
  if (error instanceof SlipwayError || isConnectionError(error)) return messageOf(error);
  throw error;
}

function judge(result: Extract<HopResult, { type: 'answer' }>, { url }: Hop, check: HttpCheck): CheckResult {
  const problem = unmet(result.answer, check.expect ?? {});
  const who = result.to === url.hostname ? '' : ` (${result.to})`;
  return problem === undefined
    ? { passed: true, message: `${url.href} answered ${String(result.answer.status)}${who}` }
    : { passed: false, message: `${url.href}${who}: ${problem}` };
}

/** The next request, by the rules of fetch; another origin gets none of the file's headers, which may hold secrets. */
function redirected({ url, method, headers, body }: Hop, status: number, next: URL): Hop {
  const becomesGet = status === 303 || ((status === 301 || status === 302) && method === 'POST');
  return {
    url: next,
    method: becomesGet && method !== 'HEAD' ? 'GET' : method,
    headers: next.origin === url.origin ? headers : {},
    body: becomesGet ? undefined : body,
  };
}

async function ask(hop: Hop, check: HttpCheck, reach: Reach, options: CallOptions): Promise<HopResult> {
  const secure = hop.url.protocol === 'https:';
  const port = hop.url.port === '' ? (secure ? 443 : 80) : Number(hop.url.port);
  const opened = await openConnection({ host: hop.url.hostname, port }, reach, options);
  if (opened.type === 'closed') return { type: 'failed', reason: opened.reason };
  const { stream, to } = opened;
  try {
    const channel = secure ? encrypt(stream, hop.url.hostname, check) : stream;
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

function encrypt(stream: Duplex, host: string, { tls }: HttpCheck): Duplex {
  const isAddress = /^[\d.]+$|:/.test(host);
  return tlsConnect({
    socket: stream,
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
      headers: { 'user-agent': 'slipway', ...lowerCase(hop.headers), host: hostOf(hop), connection: 'close' },
      signal,
    });
    request.once('response', resolve);
    // Stays: no one else handles an error after the answer began.
    request.on('error', reject);
    channel.on('error', reject);
    request.end(hop.body);
  });
}

function hostOf({ url, headers }: Hop): string {
  return lowerCase(headers)['host'] ?? url.host;
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
