import { defined } from '../../../base/defined.ts';
import { messageOf } from '../../../base/errors.ts';
import { quotaRefusal } from '../../../kubernetes/quota.ts';
import {
  ClusterError,
  ConflictError,
  ForbiddenError,
  NotFoundError,
  QuotaError,
  RejectedError,
  TerminatingError,
  UnauthorizedError,
  UnreachableError,
  type ClusterErrorOptions,
} from '../../../ports/cluster-errors.ts';

/** A Status object as far as it is read: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface StatusBody {
  message?: string;
  reason?: string;
  details?: { retryAfterSeconds?: number; causes?: { reason?: string; message?: string }[] };
}

/** An HTTP answer that is not a success. */
export interface FailedResponse {
  status: number;
  body: StatusBody;
  /** The header, in seconds or as an HTTP date. */
  retryAfter: string | undefined;
}

/** Reads the body of a failed answer; anything that is no Status object becomes its message. */
export function parseStatusBody(text: string): StatusBody {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // A proxy's page or plain text: its first line is all there is to tell.
  }
  return { message: text.trim().split('\n', 1)[0]?.slice(0, 300) ?? '' };
}

/** Milliseconds that the server asked to wait, by header or by Status; undefined when it did not. */
export function retryAfterMs(response: FailedResponse, now: number): number | undefined {
  const header = response.retryAfter;
  if (header !== undefined && header !== '') {
    const seconds = Number(header);
    if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
    const date = Date.parse(header);
    if (!Number.isNaN(date)) return Math.max(0, date - now);
  }
  const seconds = response.body.details?.retryAfterSeconds;
  return seconds === undefined ? undefined : seconds * 1000;
}

/**
 * The typed error for an answer.
 * @param what the call in words, e.g. `create pods "x" in namespace "ci"`
 */
export function errorOfResponse(response: FailedResponse, what: string): ClusterError {
  const { status, body } = response;
  const detail = body.message === undefined || body.message === '' ? `HTTP ${status}` : body.message;
  const options: ClusterErrorOptions = {
    status,
    ...defined({ reason: body.reason }),
  };
  const message = `cannot ${what}: ${detail}`;
  switch (status) {
    case 401:
      return new UnauthorizedError(`the Kubernetes API did not accept the credentials (cannot ${what})`, {
        ...options,
        hint: 'check the user of the kubeconfig context; its token or certificate may have expired',
      });
    case 403:
      return errorOfRefusal(detail, message, options);
    case 404:
    case 410:
      return status === 404 ? new NotFoundError(message, options) : new ClusterError(message, options);
    case 409:
      return new ConflictError(message, options);
    case 500:
      return unfit.test(detail)
        ? new RejectedError(message, options)
        : new UnreachableError(message, options);
    case 429:
    case 502:
    case 503:
    case 504:
      return new UnreachableError(message, options);
    default:
      return status >= 400 && status < 500
        ? new RejectedError(message, options)
        : new UnreachableError(message, options);
  }
}

/**
 * What server-side apply says of an object that does not fit the schema of its kind: a fault of the object, which is the
 * same at every try, though the answer is 500 (https://github.com/kubernetes/kubernetes/issues/139253).
 */
const unfit =
  /failed to create typed (?:patch|live) object|failed to convert (?:new|patched) object|unable to convert unstructured object|json: cannot unmarshal/;

/**
 * 403 stands for RBAC, for quota, for admission of every kind and for a namespace that is going. Who may do what is
 * said in the authorizer's own words alone: https://kubernetes.io/docs/reference/access-authn-authz/authorization/
 */
function errorOfRefusal(detail: string, message: string, options: ClusterErrorOptions): ClusterError {
  const quota = quotaRefusal(detail);
  if (quota !== undefined) {
    const hint = detail.includes('must specify')
      ? 'set these resources on the containers (agent.containers.NAME.resources), or give the namespace a LimitRange with defaults'
      : 'raise the ResourceQuota of the namespace, or request less';
    return new QuotaError(message, { ...options, hint, isFinal: quota === 'final' });
  }
  if (detail.includes('is being terminated')) return new TerminatingError(message, options);
  if (detail.includes('not yet ready to handle request')) return new UnreachableError(message, options);
  const isOfKubernetes = options.reason !== undefined;
  if (isOfKubernetes && !rightsRefusal.test(detail)) return new RejectedError(message, options);
  return new ForbiddenError(message, {
    ...options,
    hint: 'the credentials lack this right: see deploy/rbac for the rights that a run needs',
  });
}

/** `pods is forbidden: User "u" cannot create resource "pods" …`, and a role that gives more than its author has. */
const rightsRefusal = /\bUser "[^"]*" cannot |is attempting to grant RBAC permissions not currently held/i;

/** No answer came: refused, reset, timed out, DNS, TLS. */
export function errorOfConnection(error: unknown, what: string, server: string): UnreachableError {
  return new UnreachableError(
    `no answer from the Kubernetes API at ${server} (${what}): ${reasonOf(error)}`,
    {
      cause: error,
      hint: isTlsRefusal(error)
        ? 'check certificate-authority and tls-server-name of the kubeconfig'
        : 'check that the API server is running and that this machine can reach it',
    },
  );
}

/** The innermost words of a connection error; undici and Node wrap and aggregate them. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (error instanceof Error && error.message === '' && error.cause !== undefined)
    return reasonOf(error.cause);
  const code = codeOf(error);
  const message = messageOf(error);
  return code === undefined || message.includes(code) ? message : `${message} (${code})`;
}

/** Node's or undici's error code. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** A certificate that is wrong now is wrong after a retry too. */
export function isTlsRefusal(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return /^(?:CERT_|ERR_TLS_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_SSL_)/.test(code);
}
