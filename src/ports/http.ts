import type { Readable } from 'node:stream';
import { SlipwayError, type SlipwayErrorOptions } from '../base/errors.ts';
import { failures } from '../base/failures.ts';
import type { CallOptions } from './cluster.ts';

/** Whom to believe that it is the server. */
export interface HttpTrust {
  /** Certificate authority (PEM) to trust besides the system's. */
  ca?: string;
  /** Accept a certificate that does not verify. */
  skipTlsVerify?: boolean;
}

/** What to ask for. */
export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, `http:` or `https:`, without a user and password. */
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** Headers that hold secrets: sent to the origin of `url` alone, whatever redirects follow. */
  credentials?: Readonly<Record<string, string>>;
  /** Called for each attempt and redirect; a stream is read with back-pressure. */
  body?: () => Buffer | Readable;
  trust?: HttpTrust;
  /**
   * Redirects to follow; default 5. POST becomes GET by 301 and 302, anything but HEAD by 303, as browsers do it, unless
   * `keepMethod` is set.
   */
  redirects?: { atMost?: number; keepMethod?: boolean };
  /**
   * Attempts in all when the connection fails or the server answers 429 or 5xx (but 501); default 4 for the methods that
   * may be repeated (all but POST and PATCH), 1 for these.
   */
  attempts?: number;
  /** Milliseconds for all of it, attempts and the reading of the body too; default: no limit. */
  timeoutMs?: number;
  /** Longest silence of the server in milliseconds, before its answer and inside the body; default 60 s. */
  silenceMs?: number;
  /** The body of the answer fails with `too-large` beyond so many bytes; default 16 MiB. */
  maxBodyBytes?: number;
}

/** An answer, of any status. Its body has to be read, discarded or destroyed. */
export interface HttpResponse {
  status: number;
  /** By lowercase name; repeated ones joined by commas. */
  headers: Readonly<Record<string, string>>;
  /** Where it came from, after redirects. */
  url: URL;
  /** Read with back-pressure; fails with {@link HttpError} when it breaks off or grows too large. */
  body: Readable;
  /** The whole body. @throws HttpError */
  text(): Promise<string>;
  /** Lets the rest go, so that the connection can be used again; never throws. */
  discard(): Promise<void>;
}

/**
 * - `unreachable`: no connection, or it broke before the answer.
 * - `broken`: the body broke off.
 * - `timeout`: a time limit was reached.
 * - `too-large`: the body is larger than allowed.
 * - `redirects`: more redirects than allowed.
 * - `invalid`: the request, a redirect or the proxy's address is not valid.
 */
export type HttpProblem = 'unreachable' | 'broken' | 'timeout' | 'too-large' | 'redirects' | 'invalid';

/** A request failed. The message has method, host and path, never a query, a header or a password. */
export class HttpError extends SlipwayError {
  readonly code = 'http';
  readonly fault = failures.unreachable;
  readonly problem: HttpProblem;
  /** The message without what was asked, for errors that name it themselves. */
  readonly reason: string;

  constructor(problem: HttpProblem, asked: string, reason: string, options: SlipwayErrorOptions = {}) {
    super(`${asked}: ${reason}`, options);
    this.problem = problem;
    this.reason = reason;
  }
}

/** An HTTP client. Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY); loopback goes through none. */
export interface HttpClient {
  /**
   * Sends a request; resolves when the head of the answer is there. Waits between attempts grow, are jittered and heed
   * Retry-After; a server that fails most of the time gets few further attempts, from all callers together.
   * @throws HttpError, or the signal's reason
   */
  send(request: HttpRequest, options: CallOptions): Promise<HttpResponse>;
  /** Closes all connections; what is still being read of them breaks off. */
  close(): Promise<void>;
}

/** Opens a client; the caller closes it. */
export type OpenHttpClient = () => HttpClient;
