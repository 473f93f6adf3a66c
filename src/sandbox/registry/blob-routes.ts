import { pipeline } from 'node:stream/promises';
import { isDigest } from './reference.ts';
import { RegistryError, methodNotAllowed, sendEmpty } from './registry-answers.ts';
import type { RegistryExchange } from './registry-answers.ts';
import { DigestMismatch } from './storage.ts';

/** `/v2/NAME/blobs/DIGEST`: GET and HEAD. */
export async function handleBlob(exchange: RegistryExchange): Promise<void> {
  const { request, response, storage, repository, name: digest } = exchange;
  if (!isDigest(digest)) throw new RegistryError(400, 'DIGEST_INVALID', `not a sha256 digest: ${digest}`);
  const size = await storage.blobSize(repository, digest);
  if (size === undefined) throw new RegistryError(404, 'BLOB_UNKNOWN', `blob unknown to registry: ${digest}`);
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed(exchange);
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': size,
    'Docker-Content-Digest': digest,
  });
  if (request.method === 'HEAD') response.end();
  else await pipeline(storage.readBlob(digest), response);
}

/** `/v2/NAME/blobs/uploads/…`: uploads whole, in chunks, or by mounting a blob of another repository. */
export async function handleUpload(exchange: RegistryExchange): Promise<void> {
  const { request, repository, storage, name: id } = exchange;
  if (id === '') {
    if (request.method !== 'POST') throw methodNotAllowed(exchange);
    return start(exchange);
  }
  const size = storage.uploadSize(repository, id);
  if (size === undefined)
    throw new RegistryError(404, 'BLOB_UPLOAD_UNKNOWN', `blob upload unknown to registry: ${id}`);
  switch (request.method) {
    case 'PATCH':
      checkChunk(exchange, size);
      sendProgress(exchange, id, await storage.append(id, request), 202);
      return;
    case 'PUT':
      return finish(exchange, id);
    case 'GET':
      sendProgress(exchange, id, size, 204);
      return;
    case 'DELETE':
      await storage.cancelUpload(id);
      sendEmpty(exchange.response, 204);
      return;
    default:
      throw methodNotAllowed(exchange);
  }
}

async function start(exchange: RegistryExchange): Promise<void> {
  const { response, storage, repository, url } = exchange;
  const [mount, from, digest] = ['mount', 'from', 'digest'].map((name) => url.searchParams.get(name));
  if (mount && isDigest(mount) && from && (await storage.mountBlob(from, repository, mount))) {
    sendEmpty(response, 201, {
      Location: `/v2/${repository}/blobs/${mount}`,
      'Docker-Content-Digest': mount,
    });
    return;
  }
  const id = storage.startUpload(repository);
  if (digest) await finish(exchange, id);
  else sendProgress(exchange, id, 0, 202);
}

/** A chunk must begin where the last one ended. */
function checkChunk({ request }: RegistryExchange, size: number): void {
  const range = /^(?:bytes[ =])?(\d+)-(\d+)/.exec(request.headers['content-range'] ?? '');
  if (range === null || Number(range[1]) === size) return;
  throw new RegistryError(416, 'BLOB_UPLOAD_INVALID', `the next chunk must begin at ${size}`);
}

async function finish(
  { request, response, storage, repository, url }: RegistryExchange,
  id: string,
): Promise<void> {
  const digest = url.searchParams.get('digest') ?? '';
  if (!isDigest(digest)) throw new RegistryError(400, 'DIGEST_INVALID', `not a sha256 digest: ${digest}`);
  await storage.append(id, request);
  try {
    await storage.finishUpload(id, digest);
  } catch (error) {
    if (error instanceof DigestMismatch)
      throw new RegistryError(400, 'DIGEST_INVALID', error.message, { cause: error });
    throw error;
  }
  sendEmpty(response, 201, {
    Location: `/v2/${repository}/blobs/${digest}`,
    'Docker-Content-Digest': digest,
  });
}

function sendProgress(
  { response, repository }: RegistryExchange,
  id: string,
  size: number,
  status: number,
): void {
  sendEmpty(response, status, {
    Location: `/v2/${repository}/blobs/uploads/${id}`,
    Range: `0-${Math.max(0, size - 1)}`,
    'Docker-Upload-UUID': id,
  });
}
