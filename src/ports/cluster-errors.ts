import { SlipwayError, type Fault, type SlipwayErrorOptions } from '../base/errors.ts';
import { failures } from '../base/failures.ts';

/** Options of the errors that a Kubernetes API gives. */
export interface ClusterErrorOptions extends SlipwayErrorOptions {
  /** HTTP status, e.g. 403; missing where no answer came. */
  status?: number;
  /** `reason` of the Status object, e.g. `Forbidden`. */
  reason?: string;
  /** Milliseconds the server asked to wait (Retry-After). */
  retryAfterMs?: number;
}

/** The base of the errors that a {@link import('./cluster.ts').Cluster} throws. */
export class ClusterError extends SlipwayError {
  readonly code: string = 'cluster';
  readonly fault: Fault = failures.unreachable;
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ClusterErrorOptions = {}) {
    super(message, options);
    this.status = options.status;
    this.reason = options.reason;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The object, its namespace or its kind is not there. */
export class NotFoundError extends ClusterError {
  override readonly code = 'cluster-not-found';
  override readonly fault = failures.gone;
}

/** Somebody else changed the object (resourceVersion), owns the field (server-side apply), or it exists already. */
export class ConflictError extends ClusterError {
  override readonly code = 'cluster-conflict';
  override readonly fault = failures.changedMeanwhile;
}

/** The credentials are not allowed to do this; the message names verb, resource and namespace. */
export class ForbiddenError extends ClusterError {
  override readonly code = 'cluster-forbidden';
  override readonly fault = failures.missingRight;
}

/** The credentials were not accepted at all. */
export class UnauthorizedError extends ClusterError {
  override readonly code = 'cluster-unauthorized';
  override readonly fault = failures.wrongCredentials;
}

/** A ResourceQuota refused the object. */
export class QuotaError extends ClusterError {
  override readonly code = 'cluster-quota';
  override readonly fault = failures.noRoom;
  /** No waiting helps: the object asks for more than the quota has, or does not say what it asks for. */
  readonly isFinal: boolean;

  constructor(
    message: string,
    { isFinal = false, ...options }: ClusterErrorOptions & { isFinal?: boolean } = {},
  ) {
    super(message, options);
    this.isFinal = isFinal;
  }
}

/** The API server found the object wrong (422, 400), or admission refused it: a policy, a limit range, a webhook. */
export class RejectedError extends ClusterError {
  override readonly code = 'cluster-rejected';
  override readonly fault = failures.refused;
}

/** Nothing can be made in the namespace, since it is being deleted. */
export class TerminatingError extends ClusterError {
  override readonly code = 'cluster-terminating';
  override readonly fault = failures.gone;
}

/** No answer within the retry budget: refused, reset, timed out, DNS, TLS, 5xx. */
export class UnreachableError extends ClusterError {
  override readonly code = 'cluster-unreachable';
}
