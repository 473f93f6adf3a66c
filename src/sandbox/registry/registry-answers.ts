import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RegistryStorage } from './storage.ts';

/** One request of the registry, with its path taken apart. */
export interface RegistryExchange {
  request: IncomingMessage;
  response: ServerResponse;
  storage: RegistryStorage;
  url: URL;
  repository: string;
  /** The last part of the path: a digest, a tag or an upload's id; may be empty. */
  name: string;
}

/** Error codes of the OCI distribution specification. */
export type RegistryErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED'
  | 'UNKNOWN';

/** An error answer of the registry. */
export class RegistryError extends Error {
  readonly status: number;
  readonly errorCode: RegistryErrorCode;

  constructor(status: number, errorCode: RegistryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.errorCode = errorCode;
  }
}

/** The answer to a method that a route does not have. */
export function methodNotAllowed({ request, url }: RegistryExchange): RegistryError {
  return new RegistryError(405, 'UNSUPPORTED', `${request.method ?? ''} is not supported on ${url.pathname}`);
}

/** Sends a JSON body. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  type = 'application/json',
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** Sends headers alone. */
export function sendEmpty(
  response: ServerResponse,
  status: number,
  headers: Record<string, string | number> = {},
): void {
  response.writeHead(status, { 'Content-Length': 0, ...headers });
  response.end();
}
