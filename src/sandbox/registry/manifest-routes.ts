import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { isDigest, isTag } from './reference.ts';
import { RegistryError, methodNotAllowed, sendEmpty, sendJson } from './registry-answers.ts';
import type { RegistryExchange } from './registry-answers.ts';

const LARGEST_MANIFEST_BYTES = 4 * 2 ** 20;

const descriptor = z.object({ digest: z.string(), mediaType: z.string().default('') });
const manifestSchema = z.object({
  mediaType: z.string().optional(),
  config: descriptor.optional(),
  layers: z.array(descriptor).optional(),
});

/** `/v2/NAME/manifests/REFERENCE`: GET, HEAD and PUT, by tag or digest. */
export async function handleManifest(exchange: RegistryExchange): Promise<void> {
  const { request, response, storage, repository, name } = exchange;
  if (!isDigest(name) && !isTag(name))
    throw new RegistryError(400, 'MANIFEST_INVALID', `not a tag or digest: ${name}`);
  switch (request.method) {
    case 'PUT':
      return put(exchange);
    case 'GET':
    case 'HEAD': {
      const manifest = await storage.manifest(repository, name);
      if (manifest === undefined)
        throw new RegistryError(404, 'MANIFEST_UNKNOWN', `manifest unknown: ${repository} ${name}`);
      response.writeHead(200, {
        'Content-Type': manifest.mediaType,
        'Content-Length': manifest.bytes.length,
        'Docker-Content-Digest': manifest.digest,
      });
      response.end(request.method === 'HEAD' ? undefined : manifest.bytes);
      return;
    }
    default:
      throw methodNotAllowed(exchange);
  }
}

async function put({ request, response, storage, repository, name }: RegistryExchange): Promise<void> {
  const bytes = await readBody(request);
  const manifest = parse(bytes);
  for (const { digest } of [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])]) {
    if (!isDigest(digest) || (await storage.blobSize(repository, digest)) === undefined)
      throw new RegistryError(
        404,
        'MANIFEST_BLOB_UNKNOWN',
        `the manifest names a blob that is not there: ${digest}`,
      );
  }
  const mediaType =
    request.headers['content-type'] ?? manifest.mediaType ?? 'application/vnd.oci.image.manifest.v1+json';
  if (isDigest(name) && storage.digestOf(bytes) !== name)
    throw new RegistryError(
      400,
      'DIGEST_INVALID',
      `the manifest has the digest ${storage.digestOf(bytes)}, not ${name}`,
    );
  const digest = await storage.putManifest(repository, bytes, {
    mediaType,
    tag: isDigest(name) ? undefined : name,
  });
  sendEmpty(response, 201, {
    Location: `/v2/${repository}/manifests/${digest}`,
    'Docker-Content-Digest': digest,
  });
}

function parse(bytes: Buffer): z.infer<typeof manifestSchema> {
  try {
    return manifestSchema.parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new RegistryError(400, 'MANIFEST_INVALID', 'the manifest is not valid', { cause: error });
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_MANIFEST_BYTES)
      throw new RegistryError(413, 'SIZE_INVALID', 'the manifest is larger than 4 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `/v2/NAME/tags/list`, all at once. */
export async function handleTags({ response, storage, repository }: RegistryExchange): Promise<void> {
  if (!storage.hasRepository(repository))
    throw new RegistryError(404, 'NAME_UNKNOWN', `repository name not known to registry: ${repository}`);
  sendJson(response, 200, { name: repository, tags: await storage.tags(repository) });
}
