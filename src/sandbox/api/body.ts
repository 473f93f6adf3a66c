import type { IncomingMessage } from 'node:http';
import type { Fields } from '../kinds/fields.ts';
import { isFields } from '../kinds/fields.ts';
import { badRequest, StatusError } from './status-error.ts';

/** The encoding in which clients written in Go send built-in types. */
const protobufType = 'application/vnd.kubernetes.protobuf';

/** The limit of the real API server. */
const maxBodyBytes = 3 * 1024 * 1024;

/** The media type without its parameters. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) {
      throw new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyBytes}`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The whole body as text.
 * @throws StatusError RequestEntityTooLarge above 3 MiB.
 */
export async function readText(request: IncomingMessage): Promise<string> {
  return (await readBytes(request)).toString('utf8');
}

/**
 * Parses JSON, or YAML where the media type says so.
 * @throws StatusError BadRequest.
 */
export async function parseDocument(source: string, type: string): Promise<unknown> {
  try {
    if (!type.includes('yaml')) return JSON.parse(source);
    const { parse } = await import('yaml');
    return parse(source, { maxAliasCount: 100 });
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : ''}`);
  }
}

/**
 * The body as an object; an empty body is an empty object.
 * @throws StatusError BadRequest, UnsupportedMediaType for anything but JSON, YAML and Kubernetes protobuf.
 */
export async function readObject(request: IncomingMessage): Promise<Fields> {
  const type = mediaType(request);
  if (type === protobufType) return readProtobuf(request);
  if (!/^application\/(json|yaml|apply-patch\+yaml|[a-z-]+\+json)$/.test(type)) {
    throw new StatusError(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, ${protobufType}`,
    );
  }
  const source = await readText(request);
  if (source === '') return {};
  const value = await parseDocument(source, type);
  if (!isFields(value)) throw badRequest('the body of the request is not an object');
  return value;
}

async function readProtobuf(request: IncomingMessage): Promise<Fields> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  // Its table is loaded only when a client needs it.
  const { decodeProtobuf } = await import('./protobuf.ts');
  return decodeProtobuf(bytes);
}
