import type { Readable } from 'node:stream';
import { backoffMs } from '../../base/backoff.ts';
import { messageOf, SlipwayError } from '../../base/errors.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  HttpError,
  type HttpClient,
  type HttpProblem,
  type HttpRequest,
  type HttpResponse,
} from '../../ports/http.ts';
import { nextHop, type Hop } from './redirect.ts';
import { responseBody } from './response-body.ts';
import { RetryBudget } from './retry-budget.ts';
import type { ExchangeAnswer, Transport } from './transport.ts';

/** Settings of {@link httpClient}. */
export interface HttpClientOptions {
  transport: Transport;
  clock: Clock;
  /** Called before each wait for another attempt. */
  onRetry?: (failure: HttpError, delayMs: number) => void;
}

const defaults = { redirects: 5, attempts: 4, silenceMs: 60_000, maxBodyBytes: 16 * 1024 * 1024 };
const delays = { baseMs: 300, maxMs: 10_000 };
const maxRetryAfterMs = 60_000;
/** So much is read to keep a connection; beyond it a new one is cheaper. */
const maxDiscardedBytes = 128 * 1024;

/** The rules of the HTTP client (attempts, redirects, limits, errors) over a transport. */
export function httpClient(options: HttpClientOptions): HttpClient {
  const budget = new RetryBudget();
  return {
    send: async (request, { signal }) => new Call(request, options, budget).send({ signal }),
    close: () => options.transport.close(),
  };
}

/** One request with all its attempts. */
class Call {
  readonly #request: HttpRequest;
  readonly #options: HttpClientOptions;
  readonly #budget: RetryBudget;
  readonly #asked: string;
  readonly #url: URL;

  constructor(request: HttpRequest, options: HttpClientOptions, budget: RetryBudget) {
    this.#request = request;
    this.#options = options;
    this.#budget = budget;
    this.#url = checkedUrl(request);
    this.#asked = `${request.method} ${this.#url.origin}${this.#url.pathname}`;
  }

  async send({ signal }: CallOptions): Promise<HttpResponse> {
    const { timeoutMs } = this.#request;
    signal.throwIfAborted();
    const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const signals = limit === undefined ? [signal] : [signal, limit];
    const all = AbortSignal.any(signals);
    try {
      return await this.#attempts(all);
    } catch (error) {
      signal.throwIfAborted();
      if (isBodyError(error)) throw error;
      throw this.#explain(error, limit);
    }
  }

  async #attempts(signal: AbortSignal): Promise<HttpResponse> {
    const { method, attempts } = this.#request;
    const repeatable = method !== 'POST' && method !== 'PATCH';
    const most = attempts ?? (repeatable ? defaults.attempts : 1);
    for (let attempt = 1; ; attempt += 1) {
      const { response, failure } = await this.#attempt(signal);
      if (failure === undefined) {
        this.#budget.succeeded(this.#url.origin);
        return response;
      }
      const again = this.#budget.failed(this.#url.origin) && attempt < most;
      if (!again && response !== undefined) return response;
      if (!again) throw failure;
      await response?.discard();
      const delayMs = retryAfterMs(response) ?? backoffMs(attempt, delays);
      this.#options.onRetry?.(failure, delayMs);
      await this.#options.clock.sleep(delayMs, { signal });
    }
  }

  async #attempt(
    signal: AbortSignal,
  ): Promise<
    | { response: HttpResponse; failure?: undefined }
    | { response?: HttpResponse | undefined; failure: HttpError }
  > {
    try {
      const response = await this.#follow(signal);
      if (!mayPass(response.status)) return { response };
      const failure = new HttpError('unreachable', this.#asked, `status ${String(response.status)}`);
      return { response, failure };
    } catch (error) {
      signal.throwIfAborted();
      if (isBodyError(error)) throw error;
      const failure = this.#explain(error);
      if (failure.problem !== 'unreachable' && failure.problem !== 'timeout') throw failure;
      return { failure };
    }
  }

  /** Asks, and asks where it is sent. */
  async #follow(signal: AbortSignal): Promise<HttpResponse> {
    const { redirects, headers = {}, credentials = {}, method } = this.#request;
    const most = redirects?.atMost ?? defaults.redirects;
    let hop: Hop = { url: this.#url, method, headers: lowerCase({ ...headers, ...credentials }), body: true };
    for (let followed = 0; ; followed += 1) {
      const response = this.#response(hop.url, await this.#exchange(hop, signal), signal);
      const next = nextHop(hop, response, {
        secret: Object.keys(lowerCase(credentials)),
        keepMethod: redirects?.keepMethod === true,
      });
      if (next === undefined) return response;
      await response.discard();
      if (followed === most) throw this.#error('redirects', `more than ${String(most)} redirects`);
      if (next === 'invalid')
        throw this.#error('invalid', 'it redirects to something that is no HTTP address');
      hop = next;
    }
  }

  #exchange(hop: Hop, signal: AbortSignal): Promise<ExchangeAnswer> {
    return this.#options.transport.exchange({
      method: hop.method,
      url: hop.url,
      headers: { 'user-agent': 'slipway', ...hop.headers },
      body: hop.body ? this.#request.body?.() : undefined,
      trust: this.#request.trust ?? {},
      silenceMs: this.#request.silenceMs ?? defaults.silenceMs,
      signal,
    });
  }

  #response(url: URL, { status, headers, body: source }: ExchangeAnswer, signal: AbortSignal): HttpResponse {
    const body = responseBody(source, {
      maxBytes: this.#request.maxBodyBytes ?? defaults.maxBodyBytes,
      asked: this.#asked,
      explain: (error) => this.#explainBody(error, signal),
    });
    return { status, headers, url, body, text: () => textOf(body), discard: () => discard(body) };
  }

  #error(problem: HttpProblem, reason: string, cause?: unknown): HttpError {
    return new HttpError(problem, this.#asked, reason, cause === undefined ? {} : { cause });
  }

  #explain(error: unknown, limit?: AbortSignal): HttpError {
    if (limit?.aborted === true)
      return this.#error('timeout', `no answer within ${String(this.#request.timeoutMs)} ms`, error);
    if (error instanceof HttpError) return error;
    if (codeOf(error) === 'UND_ERR_INVALID_ARG') return this.#error('invalid', reasonOf(error), error);
    const silent = /_(?:HEADERS|BODY|CONNECT)_TIMEOUT$/.test(codeOf(error));
    return this.#error(silent ? 'timeout' : 'unreachable', reasonOf(error), error);
  }

  #explainBody(error: unknown, signal: AbortSignal): Error {
    if (signal.aborted) {
      const reason: unknown = signal.reason;
      if (
        reason instanceof DOMException &&
        reason.name === 'TimeoutError' &&
        this.#request.timeoutMs !== undefined
      )
        return this.#error(
          'timeout',
          `the answer was not whole within ${String(this.#request.timeoutMs)} ms`,
          error,
        );
      if (reason instanceof Error) return reason;
    }
    const silent = codeOf(error).endsWith('_TIMEOUT');
    return this.#error(silent ? 'timeout' : 'broken', `the answer broke off: ${reasonOf(error)}`, error);
  }
}

/** The message leaves out the address: it may hold a password. */
function checkedUrl({ method, url }: HttpRequest): URL {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new HttpError('invalid', method, 'the address is no http or https URL');
  if (parsed.username !== '' || parsed.password !== '')
    throw new HttpError(
      'invalid',
      `${method} ${parsed.origin}${parsed.pathname}`,
      'a login does not belong in a URL',
    );
  return parsed;
}

/** What the stream that was to be sent failed with: the caller's own, and no fault of the server. */
function isBodyError(error: unknown): boolean {
  return error instanceof SlipwayError && !(error instanceof HttpError);
}

/** Whether a status may be another one at the next attempt. */
function mayPass(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501);
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function retryAfterMs(response: HttpResponse | undefined): number | undefined {
  const seconds = Number(response?.headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, maxRetryAfterMs) : undefined;
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Errors of connections are empty shells around others at times. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return reasonOf(error.errors[0]);
  const text = messageOf(error).replace(/^Error: /, '');
  const cause = error instanceof Error ? error.cause : undefined;
  return text === '' && cause !== undefined ? reasonOf(cause) : text;
}

async function textOf(body: Readable): Promise<string> {
  return Buffer.concat((await body.toArray()) as Buffer[]).toString('utf8');
}

async function discard(body: Readable): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += (chunk as Buffer).length;
      if (bytes > maxDiscardedBytes) break;
    }
  } catch {
    return; // the caller has gone
  }
}
