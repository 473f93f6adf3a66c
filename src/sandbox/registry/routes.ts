/** What the registry answers, route by route (OCI distribution specification 1.1). */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import * as z from '../../base/zod.ts';
import { isDigest, isRepository, isTag } from './reference.ts';
import { DigestMismatch } from './storage.ts';
import type { RegistryStorage, Upload } from './storage.ts';

/** One request of the registry, with its path taken apart. */
interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  storage: RegistryStorage;
  url: URL;
  repository: string;
  /** The last part of the path: a digest, a tag or an upload's id; may be empty. */
  name: string;
}

/** An error answer of the registry; `errorCode` is one of the OCI distribution specification. */
export class RegistryError extends Error {
  readonly status: number;
  readonly errorCode: string;

  constructor(status: number, errorCode: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.errorCode = errorCode;
  }
}

const largestManifestBytes = 4 * 2 ** 20;
const descriptor = z.object({ digest: z.string() });
const manifestSchema = z.object({
  mediaType: z.optional(z.string()),
  config: z.optional(descriptor),
  layers: z.optional(z.array(descriptor)),
});

/** The routes below `/v2/NAME/` by their methods; HEAD is as GET. */
const handlersOfRoutes: Readonly<
  Record<string, Readonly<Record<string, (exchange: Exchange) => Promise<void> | void>>>
> = {
  blobs: { GET: getBlob },
  'blobs/uploads': { POST: startUpload, PATCH: appendToUpload, PUT: finishUpload, GET: getUpload },
  manifests: { GET: getManifest, PUT: putManifest },
  tags: { GET: getTags },
};

/**
 * Answers one request.
 * @throws RegistryError
 */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  storage: RegistryStorage,
): Promise<void> {
  const url = urlOf(request);
  const pathname = decode(url.pathname);
  if (/^\/v2\/?$/.test(pathname)) {
    sendJson(response, 200, {});
    return;
  }
  const route = /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|tags)\/?([^/]*)$/.exec(pathname);
  if (route === null) throw new RegistryError(404, 'UNSUPPORTED', `no such route: ${pathname}`);
  const [, repository = '', kind = '', name = ''] = route;
  if (!isRepository(repository))
    throw new RegistryError(400, 'NAME_INVALID', `invalid repository name: ${repository}`);
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
  const handle = handlersOfRoutes[kind]?.[method];
  if (handle === undefined)
    throw new RegistryError(405, 'UNSUPPORTED', `${method} is not supported on ${pathname}`);
  await handle({ request, response, storage, url, repository, name });
}

/** The URL of a request. @throws RegistryError for one that is none. */
function urlOf({ url: target = '/' }: IncomingMessage): URL {
  // Put together, so that a path that begins with `//` names no host.
  const url = URL.parse(`http://registry${target}`);
  if (url !== null) return url;
  throw new RegistryError(400, 'UNSUPPORTED', 'the path of the request is not a URL');
}

/** @throws RegistryError for a `%` that begins no character. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    const message = `the path of the request cannot be decoded: ${path}`;
    throw new RegistryError(400, 'UNSUPPORTED', message, { cause: error });
  }
}

/** Sends an answer that is all there; of one to HEAD Node sends the headers alone. */
function send(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
  body: Buffer = Buffer.alloc(0),
): void {
  response.writeHead(status, { 'Content-Length': body.length, ...headers });
  response.end(body);
}

/** Sends a JSON body. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, { 'Content-Type': 'application/json' }, Buffer.from(JSON.stringify(body)));
}

async function getBlob({ request, response, storage, repository, name }: Exchange): Promise<void> {
  const digest = digestIn(name);
  const size = await storage.blobSize(repository, digest);
  if (size === undefined) throw new RegistryError(404, 'BLOB_UNKNOWN', `blob unknown to registry: ${digest}`);
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': size,
    'Docker-Content-Digest': digest,
  });
  if (request.method === 'HEAD') response.end();
  else await pipeline(createReadStream(storage.blobPath(digest)), response);
}

function digestIn(text: string | null): string {
  if (text !== null && isDigest(text)) return text;
  throw new RegistryError(400, 'DIGEST_INVALID', `not a sha256 digest: ${text ?? ''}`);
}

/** An upload whole, in chunks, or by mounting a blob of another repository. */
async function startUpload(exchange: Exchange): Promise<void> {
  const { response, storage, repository, url } = exchange;
  const [mount, from, digest] = ['mount', 'from', 'digest'].map((name) => url.searchParams.get(name));
  if (from && !isRepository(from))
    throw new RegistryError(400, 'NAME_INVALID', `invalid repository name: ${from}`);
  if (mount && isDigest(mount) && from && (await storage.mountBlob(from, repository, mount))) {
    sendStored(response, repository, 'blobs', mount);
    return;
  }
  const upload = storage.startUpload(repository);
  if (digest) await finish(exchange, upload);
  else sendProgress(response, upload, 202);
}

/** A chunk must begin where the last one ended. */
async function appendToUpload(exchange: Exchange): Promise<void> {
  const { request, response, storage } = exchange;
  const upload = uploadOf(exchange);
  const range = /^(?:bytes[ =])?(\d+)-(\d+)/.exec(request.headers['content-range'] ?? '');
  if (range !== null && Number(range[1]) !== upload.size)
    throw new RegistryError(416, 'BLOB_UPLOAD_INVALID', `the next chunk must begin at ${upload.size}`);
  await storage.append(upload, request);
  sendProgress(response, upload, 202);
}

function finishUpload(exchange: Exchange): Promise<void> {
  return finish(exchange, uploadOf(exchange));
}

function getUpload(exchange: Exchange): void {
  sendProgress(exchange.response, uploadOf(exchange), 204);
}

function uploadOf({ storage, repository, name }: Exchange): Upload {
  const upload = storage.upload(repository, name);
  if (upload === undefined)
    throw new RegistryError(404, 'BLOB_UPLOAD_UNKNOWN', `blob upload unknown to registry: ${name}`);
  return upload;
}

async function finish({ request, response, storage, url }: Exchange, upload: Upload): Promise<void> {
  const digest = digestIn(url.searchParams.get('digest'));
  await storage.append(upload, request);
  try {
    await storage.finishUpload(upload, digest);
  } catch (error) {
    if (!(error instanceof DigestMismatch)) throw error;
    throw new RegistryError(400, 'DIGEST_INVALID', error.message, { cause: error });
  }
  sendStored(response, upload.repository, 'blobs', digest);
}

function sendProgress(response: ServerResponse, { id, repository, size }: Upload, status: number): void {
  send(response, status, {
    Location: `/v2/${repository}/blobs/uploads/${id}`,
    Range: `0-${Math.max(0, size - 1)}`,
    'Docker-Upload-UUID': id,
  });
}

function sendStored(
  response: ServerResponse,
  repository: string,
  kind: 'blobs' | 'manifests',
  digest: string,
): void {
  send(response, 201, {
    Location: `/v2/${repository}/${kind}/${digest}`,
    'Docker-Content-Digest': digest,
  });
}

async function getManifest({ response, storage, repository, name }: Exchange): Promise<void> {
  const manifest = await storage.manifest(repository, referenceIn(name));
  if (manifest === undefined)
    throw new RegistryError(404, 'MANIFEST_UNKNOWN', `manifest unknown: ${repository} ${name}`);
  const { mediaType, digest, bytes } = manifest;
  send(response, 200, { 'Content-Type': mediaType, 'Docker-Content-Digest': digest }, bytes);
}

function referenceIn(name: string): string {
  if (isDigest(name) || isTag(name)) return name;
  throw new RegistryError(400, 'MANIFEST_INVALID', `not a tag or digest: ${name}`);
}

async function putManifest({ request, response, storage, repository, name }: Exchange): Promise<void> {
  const reference = referenceIn(name);
  const bytes = await readManifest(request);
  const { config, layers = [], mediaType: ownType } = parse(bytes);
  for (const blob of [...(config === undefined ? [] : [config]), ...layers]) {
    if (isDigest(blob.digest) && (await storage.blobSize(repository, blob.digest)) !== undefined) continue;
    const message = `the manifest names a blob that is not there: ${blob.digest}`;
    throw new RegistryError(404, 'MANIFEST_BLOB_UNKNOWN', message);
  }
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (isDigest(reference) && digest !== reference)
    throw new RegistryError(400, 'DIGEST_INVALID', `the manifest has the digest ${digest}, not ${reference}`);
  const mediaType =
    request.headers['content-type'] ?? ownType ?? 'application/vnd.oci.image.manifest.v1+json';
  const tag = isDigest(reference) ? undefined : reference;
  await storage.putManifest(repository, { digest, mediaType, bytes }, tag);
  sendStored(response, repository, 'manifests', digest);
}

function parse(bytes: Buffer): z.infer<typeof manifestSchema> {
  try {
    return manifestSchema.parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new RegistryError(400, 'MANIFEST_INVALID', 'the manifest is not valid', { cause: error });
  }
}

async function readManifest(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestManifestBytes)
      throw new RegistryError(413, 'SIZE_INVALID', 'the manifest is larger than 4 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** All tags at once. */
async function getTags({ response, storage, repository }: Exchange): Promise<void> {
  if (!storage.hasRepository(repository))
    throw new RegistryError(404, 'NAME_UNKNOWN', `repository name not known to registry: ${repository}`);
  sendJson(response, 200, { name: repository, tags: await storage.tags(repository) });
}
