import { defined } from '../../../base/defined.ts';
import type { Readable } from 'node:stream';
import { request, type Dispatcher } from 'undici';
import type { CallOptions } from '../../../ports/cluster.ts';
import {
  ClusterError,
  ForbiddenError,
  UnauthorizedError,
  UnreachableError,
} from '../../../ports/cluster-errors.ts';
import { headerOf, type Connection } from './connection.ts';
import { errorOfConnection, errorOfResponse, parseStatusBody, retryAfterMs } from './errors.ts';
import { pause } from './pause.ts';
import { RequestQueue } from './request-queue.ts';
import { retryDelay, startingMs } from './retry.ts';
import { warningsIn } from './warnings.ts';

/** One call of the API. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query below the server's address. */
  path: string;
  /** The call in words, for errors: `list pods in namespace "ci"`. */
  what: string;
  body?: unknown;
  contentType?: string;
}

/** Settings of the client; all in milliseconds. */
export interface RequestSettings {
  /** What failures of one call may take in all. */
  retryBudgetMs: number;
  /** What one attempt may take. */
  attemptMs: number;
}

/**
 * Milliseconds after which an urgent read is asked again: who ends a run has 20 s, which one answer must not use up. Twice
 * as many for each further attempt, since an API server may be slow as a whole.
 */
const urgentReadMs = 5000;

/** Milliseconds in the queue after which a write is asked about once more. */
const lateTurnMs = 1000;

/** Thrown instead of a ClusterError's final answer when an earlier attempt of a write may have taken effect. */
export class AmbiguousError extends Error {
  override readonly cause: ClusterError;
  constructor(cause: ClusterError) {
    super(cause.message);
    this.cause = cause;
  }
}

/** Sends requests: queued by priority, retried within the budget, with typed errors. */
export class Requests {
  readonly connection: Connection;
  /** Requests sent since the start, for measurements. */
  sent = 0;
  readonly #settings: RequestSettings;
  /** By the monotonic clock. */
  #lastAcceptedAt: number | undefined;
  #connectionLostAt: number | undefined;
  readonly #queue = new RequestQueue({ concurrency: 48, reserved: 8, perSecond: 50, burst: 150 });

  constructor(connection: Connection, settings: RequestSettings) {
    this.connection = connection;
    this.#settings = settings;
  }

  /**
   * @throws ClusterError; AmbiguousError when the server refused a retry of a write whose answer was lost
   */
  async send<T>(call: ApiRequest, options: CallOptions): Promise<T> {
    const startedAt = performance.now();
    let ambiguous = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt<T>(call, attempt, options);
      } catch (error) {
        options.signal.throwIfAborted();
        if (!(error instanceof ClusterError)) throw error;
        if (error instanceof UnauthorizedError && attempt === 1) {
          this.connection.forgetCredentials();
          continue;
        }
        const elapsedMs = performance.now() - startedAt;
        const budgetMs = this.#settings.retryBudgetMs;
        const waitMs = retryDelay({ error, attempt, elapsedMs, budgetMs, random: Math.random() });
        if (waitMs === undefined) throw final(error, { attempt, elapsedMs, ambiguous });
        // A read takes no effect: whatever became of it, the next answer is the answer.
        ambiguous ||= call.method !== 'GET' && (error.status === undefined || error.status >= 500);
        await pause(waitMs, options.signal);
      }
    }
  }

  /** Opens a streaming answer (watch, log), without retries; the stream must be read or destroyed. */
  async open(call: ApiRequest, { signal, priority = 'normal' }: CallOptions): Promise<Readable> {
    const leave = await this.#queue.enter(priority, signal);
    try {
      const deadline = AbortSignal.timeout(this.#settings.attemptMs);
      const opening = new AbortController();
      const abort = () => opening.abort(signal.reason);
      const expire = () => opening.abort(deadline.reason);
      signal.addEventListener('abort', abort, { once: true });
      deadline.addEventListener('abort', expire, { once: true });
      let response: Dispatcher.ResponseData;
      try {
        response = await this.#exchange(call, opening.signal);
      } finally {
        deadline.removeEventListener('abort', expire);
        signal.removeEventListener('abort', abort);
      }
      if (response.statusCode >= 300) throw await this.#failure(response, call);
      const stop = () => response.body.destroy();
      signal.addEventListener('abort', stop, { once: true });
      response.body.once('close', () => signal.removeEventListener('abort', stop));
      response.body.on('error', () => undefined); // told to the reader too; unread, it must not end the process
      return response.body;
    } finally {
      leave();
    }
  }

  stop(): void {
    this.#queue.stop();
  }

  async #attempt<T>(call: ApiRequest, attempt: number, options: CallOptions): Promise<T> {
    const { signal, priority, onWarning } = options;
    const leave = await this.#turn(call, options);
    try {
      const isHurried = call.method === 'GET' && priority === 'urgent';
      const limitMs = Math.min(
        this.#settings.attemptMs,
        isHurried ? urgentReadMs * 2 ** (attempt - 1) : Infinity,
      );
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
      const response = await this.#exchange(call, bounded);
      if (onWarning !== undefined) warningsIn(response.headers['warning']).forEach((text) => onWarning(text));
      if (response.statusCode >= 300) throw await this.#failure(response, call);
      try {
        return (await response.body.json()) as T;
      } catch (error) {
        throw errorOfConnection(error, call.what, this.connection.server);
      }
    } finally {
      leave();
    }
  }

  /**
   * Waits for a turn in the queue. A write is asked about before it, where an urgent renewal must find room: what comes
   * again after a pause is asked about, too. What had to wait long for its turn is asked about again, and then goes first.
   */
  async #turn({ method }: ApiRequest, { signal, priority = 'normal', beforeWrite }: CallOptions) {
    if (method === 'GET' || beforeWrite === undefined) return this.#queue.enter(priority, signal);
    for (let turn = priority; ; turn = 'urgent') {
      await beforeWrite({ signal, priority: 'urgent' });
      const askedAt = performance.now();
      const leave = await this.#queue.enter(turn, signal);
      if (performance.now() - askedAt < lateTurnMs) return leave;
      leave();
    }
  }

  async #exchange(call: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { connection } = this;
    const headers = {
      ...(await connection.headers()),
      accept: 'application/json',
      'user-agent': 'slipway',
      ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
    };
    this.sent += 1;
    try {
      const response = await request(connection.server + call.path, {
        method: call.method,
        dispatcher: connection.dispatcher,
        headers,
        signal,
        headersTimeout: 0,
        bodyTimeout: 0,
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      });
      if (response.statusCode < 300) this.#lastAcceptedAt = performance.now();
      return response;
    } catch (error) {
      if (!signal.aborted) this.#connectionLostAt = performance.now();
      throw errorOfConnection(error, call.what, connection.server);
    }
  }

  async #failure(response: Dispatcher.ResponseData, call: ApiRequest): Promise<ClusterError> {
    const text = await response.body.text().catch(() => '');
    const failed = {
      status: response.statusCode,
      body: parseStatusBody(text),
      retryAfter: headerOf(response.headers, 'retry-after'),
    };
    const error = errorOfResponse(failed, call.what);
    if (this.#isStarting(error)) {
      const message = `${error.message} (the API server has just started: it may not know its rules yet)`;
      return new UnreachableError(message, { cause: error, status: 503 });
    }
    const waitMs = retryAfterMs(failed, Date.now());
    return waitMs === undefined ? error : Object.assign(error, { retryAfterMs: waitMs });
  }

  /** A refusal right after the server was away, by one that had accepted these credentials before. */
  #isStarting(error: ClusterError): boolean {
    const refused =
      error instanceof ForbiddenError ||
      error instanceof UnauthorizedError ||
      (error.status === 403 && error.message.includes('error looking up service account'));
    if (!refused || this.#connectionLostAt === undefined || this.#lastAcceptedAt === undefined) return false;
    return performance.now() - this.#connectionLostAt < startingMs;
  }
}

function final(
  error: ClusterError,
  { attempt, elapsedMs, ambiguous }: { attempt: number; elapsedMs: number; ambiguous: boolean },
): Error {
  if (error instanceof UnreachableError && attempt > 1) {
    const spent = `gave up after ${String(attempt)} attempts in ${String(Math.round(elapsedMs / 1000))} s`;
    return new UnreachableError(`${error.message}; ${spent}`, {
      cause: error,
      ...defined({ status: error.status, reason: error.reason, hint: error.hint }),
    });
  }
  return ambiguous ? new AmbiguousError(error) : error;
}
