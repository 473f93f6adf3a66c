import { defined } from '../../base/defined.ts';
import type { Readable } from 'node:stream';
import { backoffMs } from '../../base/backoff.ts';
import type { Clock } from '../../ports/clock.ts';
import type { HttpClient, HttpResponse, OpenHttpClient } from '../../ports/http.ts';
import {
  RegistryError,
  type RegistryCredentials,
  type RegistryEndpoint,
  type ResolveRegistryHost,
} from '../../ports/registry.ts';
import { parseChallenge } from './challenge.ts';
import { endpointOf, trustOf } from './registry-endpoint.ts';
import { answerError, connectionError, type Attempted } from './registry-errors.ts';
import { authorizationFor } from './registry-login.ts';

/** A repository, and as whom it is used. */
export interface Repository {
  /** Host with port, as in an image reference. */
  host: string;
  /** Name in the registry, e.g. `shop/web`. */
  path: string;
  credentials?: RegistryCredentials;
}

/** One request to a registry. */
export interface RegistryRequest {
  repository: Repository;
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/v2/…`, or a whole URL that the registry gave. */
  url: string;
  /** What the token has to allow. */
  access: 'pull' | 'pull,push';
  /** Another repository of the same host that the token has to allow to read, for mounting. */
  readsFrom?: string;
  headers?: Record<string, string>;
  /** Made again for each attempt. */
  body?: () => Buffer | Readable;
  /** Statuses that are an answer; any other is an error. */
  accept: readonly number[];
  attempted: Attempted;
  /** Not tried again here: the caller first has to see where it stands. */
  once?: boolean;
}

/** An answer; its body has to be read or discarded. `url` is where it came from, for a relative Location. */
export type RegistryResponse = HttpResponse;

/** Settings of {@link RegistryHttp}. */
export interface RegistryHttpOptions {
  clock: Clock;
  openHttp: OpenHttpClient;
  resolveHost?: ResolveRegistryHost;
  /** Attempts in all at what may go away by itself; default 5. */
  maxAttempts?: number;
  /** Told before each wait for another attempt; for a log that says why it takes longer. */
  onRetry?: (failure: RegistryError, delayMs: number) => void | Promise<void>;
}

/** Longest silence while waiting for an answer; registries hash a whole upload before they answer. */
const silenceMs = 300_000;
const delays = { baseMs: 300, maxMs: 10_000 };
const maxRetryAfterMs = 60_000;

/** Sends requests to registries: logs in as they ask, follows redirects, tries again what may go away by itself. */
export class RegistryHttp {
  readonly #options: RegistryHttpOptions;
  readonly #http: HttpClient;
  readonly #authorizations = new Map<string, string>();

  constructor(options: RegistryHttpOptions) {
    this.#options = options;
    this.#http = options.openHttp();
  }

  /** @throws RegistryError, or the signal's reason */
  async send(call: RegistryRequest, options: { signal: AbortSignal }): Promise<RegistryResponse> {
    const maxAttempts = call.once === true ? 1 : (this.#options.maxAttempts ?? 5);
    for (let attempt = 1; ; attempt += 1) {
      const { response, error } = await this.#attempt(call, options.signal);
      if (response !== undefined && call.accept.includes(response.status)) return response;
      const failure = error ?? answerError(call.attempted, response.status, await textOf(response));
      if (failure.problem !== 'unreachable' || attempt >= maxAttempts) throw failure;
      await this.waitToRetry(failure, retryAfterMs(response) ?? backoffMs(attempt, delays), options);
    }
  }

  /** Says that another attempt follows and waits until it is time for it; for callers that repeat more than one request. */
  async waitToRetry(
    failure: RegistryError,
    delayMs: number,
    options: { signal: AbortSignal },
  ): Promise<void> {
    await this.#options.onRetry?.(failure, delayMs);
    await this.#options.clock.sleep(delayMs, options);
  }

  /** Closes all connections; what is still being read of them breaks off. */
  async close(): Promise<void> {
    await this.#http.close();
  }

  async #attempt(
    call: RegistryRequest,
    signal: AbortSignal,
  ): Promise<
    { response: RegistryResponse; error?: undefined } | { response?: undefined; error: RegistryError }
  > {
    try {
      const response = await this.#exchange(call, signal);
      if (response.status !== 401) return { response };
      if (!(await this.#logIn(call, response, signal))) return { response };
      await response.discard();
      return { response: await this.#exchange(call, signal) };
    } catch (error) {
      signal.throwIfAborted();
      return { error: error instanceof RegistryError ? error : connectionError(call.attempted, error) };
    }
  }

  #exchange(call: RegistryRequest, signal: AbortSignal): Promise<RegistryResponse> {
    const endpoint = this.#endpoint(call);
    const base = new URL(endpoint.url);
    const url = new URL(call.url, base);
    // An upload may continue at a store that must not get our password.
    const authorization = url.host === base.host ? this.#authorizations.get(loginKey(call)) : undefined;
    const request = {
      method: call.method,
      url: url.href,
      headers: call.headers ?? {},
      ...(authorization === undefined ? {} : { credentials: { authorization } }),
      ...defined({ body: call.body }),
      trust: trustOf(endpoint),
      redirects: { keepMethod: true },
      attempts: 1, // tried again by send, which knows what the registry says
      silenceMs,
      maxBodyBytes: Infinity, // checked against the size that the manifest gives
    };
    return this.#http.send(request, { signal });
  }

  /** false when the challenge cannot be answered. */
  async #logIn(call: RegistryRequest, response: RegistryResponse, signal: AbortSignal): Promise<boolean> {
    const challenge = parseChallenge(response.headers['www-authenticate']);
    if (challenge === undefined) return false;
    const { repository, readsFrom } = call;
    const endpoint = this.#endpoint(call);
    const login = {
      challenge,
      credentials: endpoint.credentials ?? repository.credentials,
      scopes: [
        `repository:${repository.path}:${call.access}`,
        ...(readsFrom === undefined ? [] : [`repository:${readsFrom}:pull`]),
      ],
      protocol: new URL(endpoint.url).protocol,
      http: this.#http,
      trust: trustOf(endpoint),
      attempted: call.attempted,
    };
    const authorization = await authorizationFor(login, { signal });
    if (authorization === undefined) return false;
    this.#authorizations.set(loginKey(call), authorization);
    return true;
  }

  #endpoint({ repository }: RegistryRequest): RegistryEndpoint {
    return endpointOf(repository.host, this.#options.resolveHost);
  }
}

function loginKey({ repository, access, readsFrom }: RegistryRequest): string {
  const { host, path, credentials } = repository;
  return JSON.stringify([host, path, access, readsFrom, credentials?.username, credentials?.password]);
}

async function textOf(response: RegistryResponse): Promise<string> {
  try {
    return await response.text();
  } catch {
    // The status says enough; the words broke off.
    return '';
  }
}

function retryAfterMs(response: RegistryResponse | undefined): number | undefined {
  const seconds = Number(response?.headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, maxRetryAfterMs) : undefined;
}
