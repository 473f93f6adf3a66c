import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ObjectStore } from '../store/create-objects.ts';
import type { ObjectKey } from '../store/objects.ts';
import type { ResourcePath } from './route.ts';
import { badRequest, StatusError } from './status-error.ts';

/** One request of the API and its answer. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  query: URLSearchParams;
  /** Who asks, e.g. `system:admin`. */
  user: string;
  objects: ObjectStore;
}

/** An {@link Exchange} about a resource. */
export interface ResourceExchange extends Exchange, ResourcePath {}

/** The key of what a path names. */
export function keyOf(exchange: ResourceExchange, name = exchange.name ?? ''): ObjectKey {
  const { kind, namespace } = exchange;
  return { kind: kind.kind, group: kind.group, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** Runs a write, or only its checks for `dryRun=All`. */
export function run<T>(exchange: ResourceExchange, work: () => T): T {
  const dryRun = exchange.query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All' && value !== '')) {
    throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`);
  }
  return dryRun.includes('All') ? exchange.objects.dryRun(work) : work();
}

/** The URL of a request. @throws StatusError BadRequest for one that is none. */
export function parseUrl(request: IncomingMessage): URL {
  const url = URL.parse(request.url ?? '/', 'https://localhost');
  if (url === null) throw badRequest('the path of the request is not a URL');
  return url;
}

/** Adds a `Warning:` header, which kubectl prints. https://kubernetes.io/blog/2020/09/03/warnings/ */
export function warn(exchange: Exchange, message: string): void {
  exchange.response.appendHeader('Warning', `299 - ${JSON.stringify(message)}`);
}

/** Sends `value` as JSON. */
export function sendJson(
  response: ServerResponse,
  httpCode: number,
  value: unknown,
  contentType = 'application/json',
): void {
  const body = JSON.stringify(value);
  response.writeHead(httpCode, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Sends what was thrown as a Status; anything but a StatusError is a fault of the sandbox and becomes a 500. */
export function sendError(response: ServerResponse, error: unknown): void {
  const status =
    error instanceof StatusError
      ? error
      : new StatusError(
          'InternalError',
          `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`,
        );
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined) response.setHeader('Retry-After', String(retry));
  sendJson(response, status.httpCode, status.toStatus());
}
