import { SlipwayError } from '../../base/errors.ts';

/** `reason` of a Kubernetes Status, as far as the sandbox answers with it. */
export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Invalid'
  | 'Expired'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'UnsupportedMediaType'
  | 'RequestEntityTooLarge'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'Timeout';

const codeOfReason: Record<StatusReason, number> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Invalid: 422,
  Expired: 410,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  UnsupportedMediaType: 415,
  RequestEntityTooLarge: 413,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
};

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
  readonly code = 'kubernetesStatus';
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
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.httpCode,
    };
  }
}

/** `deployments.apps`, or `pods` in the core group: how Kubernetes names a resource in messages. */
function qualified(subject: ErrorSubject): string {
  return subject.group === '' ? subject.resource : `${subject.resource}.${subject.group}`;
}

function detailsOf(subject: ErrorSubject, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(subject.group === '' ? {} : { group: subject.group }),
    kind: subject.resource,
  };
}

/** 404: no such object. */
export function notFound(subject: ErrorSubject, name: string): StatusError {
  return new StatusError(
    'NotFound',
    `${qualified(subject)} ${JSON.stringify(name)} not found`,
    detailsOf(subject, name),
  );
}

/** 404 for a path that names no resource. */
export function noSuchResource(): StatusError {
  return new StatusError('NotFound', 'the server could not find the requested resource', {});
}

/** 409: create of a name that is taken. */
export function alreadyExists(subject: ErrorSubject, name: string): StatusError {
  return new StatusError(
    'AlreadyExists',
    `${qualified(subject)} ${JSON.stringify(name)} already exists`,
    detailsOf(subject, name),
  );
}

/** 409: the object has another resourceVersion, or uid, than the request expects. */
export function conflict(
  subject: ErrorSubject,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): StatusError {
  return new StatusError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(subject)} ${JSON.stringify(name)}: ${why}`,
    detailsOf(subject, name),
  );
}

/** 403: what the sandbox does not allow, e.g. writing into a namespace that is being deleted. */
export function forbidden(subject: ErrorSubject, name: string, why: string): StatusError {
  return new StatusError(
    'Forbidden',
    `${qualified(subject)} ${JSON.stringify(name)} is forbidden: ${why}`,
    detailsOf(subject, name),
  );
}

/** 422: the object breaks rules of its kind; `causes` has one entry a field. */
export function invalid(subject: ErrorSubject, name: string, causes: StatusCause[]): StatusError {
  const kind = subject.group === '' ? subject.kind : `${subject.kind}.${subject.group}`;
  const texts = causes.map((cause) =>
    cause.field === undefined ? cause.message : `${cause.field}: ${cause.message}`,
  );
  const told = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new StatusError('Invalid', `${kind} ${JSON.stringify(name)} is invalid: ${told ?? ''}`, {
    ...detailsOf({ ...subject, resource: subject.kind }, name),
    causes,
  });
}

/** 400: a request that cannot be understood. */
export function badRequest(message: string): StatusError {
  return new StatusError('BadRequest', message);
}

/** 410: a watch or a list continues from a version that is no longer kept. */
export function expired(message: string): StatusError {
  return new StatusError('Expired', message);
}
