import type { IncomingMessage } from 'node:http';
import { checkDepth } from './depth.ts';
import { badRequest, StatusError } from './status-error.ts';

/** The encoding in which clients written in Go send built-in types. */
const protobufType = 'application/vnd.kubernetes.protobuf';

/** The limit of the real API server. */
const maxBodyBytes = 3 * 1024 * 1024;

/** The media type without its parameters. */
export function mediaType({ headers }: IncomingMessage): string {
  return (headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';
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
 * The body: JSON, YAML or Kubernetes protobuf; an empty one is an empty object.
 * @throws StatusError BadRequest, UnsupportedMediaType, RequestEntityTooLarge above 3 MiB.
 */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  const type = mediaType(request);
  // What few clients need is loaded for them alone.
  if (type === protobufType) return (await import('./protobuf.ts')).decodeProtobuf(bytes);
  if (!/^application\/(json|yaml|apply-patch\+yaml|[a-z-]+\+json)$/.test(type)) {
    throw new StatusError(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, ${protobufType}`,
    );
  }
  const source = bytes.toString('utf8');
  let body: unknown;
  try {
    body = type.includes('yaml')
      ? (await import('yaml')).parse(source, { maxAliasCount: 100 })
      : JSON.parse(source);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : ''}`);
  }
  checkDepth(body);
  return body;
}
