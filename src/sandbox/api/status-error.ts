import { messageOf, SlipwayError } from '../../base/errors.ts';

/** The reasons of a Kubernetes Status that the sandbox answers with, and their HTTP codes. */
const codeOfReason = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  /** Sent without a reason, as the real API server sends what it has no reason for. */
  Unknown: 500,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
};

/** `reason` of a Kubernetes Status. */
export type StatusReason = keyof typeof codeOfReason;

/** One entry of `details.causes`. */
export interface StatusCause {
  reason: string;
  message: string;
  field?: string;
}

/** `details` of a Status: which object, and why. */
export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** The resource an error is about; `resource` is the plural, `kind` the kind's name. */
export interface ErrorSubject {
  group: string;
  resource: string;
  kind: string;
}

/**
 * An error answer of the sandbox's API. `reason` and `httpCode` are those of Kubernetes:
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
export class StatusError extends SlipwayError {
  readonly code = 'kubernetes-status';
  readonly fault = 'infrastructure';
  readonly reason: StatusReason;
  readonly httpCode: number;
  readonly details: StatusDetails | undefined;

  constructor(reason: StatusReason, message: string, details?: StatusDetails) {
    super(message);
    this.reason = reason;
    this.httpCode = codeOfReason[reason];
    this.details = details;
  }

  /** The Status object that goes over the wire. */
  toStatus(): Record<string, unknown> {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === 'Unknown' ? {} : { reason: this.reason }),
      ...(this.details && { details: this.details }),
      code: this.httpCode,
    };
  }
}

const detailsOf = (group: string, kind: string, name: string): StatusDetails => ({
  ...(name === '' ? {} : { name }),
  ...(group === '' ? {} : { group }),
  kind,
});

/** Errors about one object, which Kubernetes names so: `deployments.apps "web"`. */
const about =
  (reason: StatusReason, message: (object: string, why: string) => string, because = '') =>
  ({ group, resource }: ErrorSubject, name: string, why = because): StatusError => {
    const object = `${group === '' ? resource : `${resource}.${group}`} ${JSON.stringify(name)}`;
    return new StatusError(reason, message(object, why), detailsOf(group, resource, name));
  };

/** 404: no such object. */
export const notFound = about('NotFound', (object) => `${object} not found`);

/** 409: create of a name that is taken. */
export const alreadyExists = about('AlreadyExists', (object) => `${object} already exists`);

/** 409: the object has another resourceVersion, or uid, than the request expects. */
export const conflict = about(
  'Conflict',
  (object, why) => `Operation cannot be fulfilled on ${object}: ${why}`,
  'the object has been modified; please apply your changes to the latest version and try again',
);

/** 403: what the sandbox does not allow, e.g. writing into a namespace that is being deleted. */
export const forbidden = about('Forbidden', (object, why) => `${object} is forbidden: ${why}`);

/** 422: the object breaks rules of its kind; `causes` has one entry a field. */
export function invalid({ group, kind }: ErrorSubject, name: string, causes: StatusCause[]): StatusError {
  const texts = causes.map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`));
  const message = texts.length === 1 ? String(texts[0]) : `[${texts.join(', ')}]`;
  const object = `${group === '' ? kind : `${kind}.${group}`} ${JSON.stringify(name)}`;
  const details = { ...detailsOf(group, kind, name), causes };
  return new StatusError('Invalid', `${object} is invalid: ${message}`, details);
}

/** 404 for a path that names no resource. */
export const noSuchResource = (): StatusError =>
  new StatusError('NotFound', 'the server could not find the requested resource', {});

/** 400: a request that cannot be understood. */
export const badRequest = (message: string): StatusError => new StatusError('BadRequest', message);

/** 410: a watch or a list continues from a version that is no longer kept. */
export const expired = (message: string): StatusError => new StatusError('Expired', message);

/** What was thrown, as a Status; anything but a StatusError is a fault of the sandbox and becomes a 500. */
export function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  return new StatusError('InternalError', `Internal error occurred: ${messageOf(error)}`);
}

/** The Status of what was done and leaves no object to show. */
export const success = (more: Record<string, unknown>): Record<string, unknown> => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  ...more,
});
