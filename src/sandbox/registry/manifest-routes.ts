import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { isDigest, isTag } from './reference.ts';
import { RegistryError, methodNotAllowed, sendEmpty, sendJson } from './registry-answers.ts';
import type { RegistryExchange } from './registry-answers.ts';

const LARGEST_MANIFEST_BYTES = 4 * 2 ** 20;
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

const descriptor = z.object({ digest: z.string(), mediaType: z.string().default('') });
const manifestSchema = z.object({
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptor.optional(),
  layers: z.array(descriptor).optional(),
  manifests: z.array(descriptor).optional(),
  subject: descriptor.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

/** `/v2/NAME/manifests/REFERENCE`: GET, HEAD, PUT and DELETE, by tag or digest. */
export async function handleManifest(exchange: RegistryExchange): Promise<void> {
  const { request, response, storage, repository, name } = exchange;
  if (!isDigest(name) && !isTag(name))
    throw new RegistryError(400, 'MANIFEST_INVALID', `not a tag or digest: ${name}`);
  const unknown = new RegistryError(404, 'MANIFEST_UNKNOWN', `manifest unknown: ${repository} ${name}`);
  switch (request.method) {
    case 'PUT':
      return put(exchange);
    case 'DELETE':
      if (!(await storage.deleteManifest(repository, name))) throw unknown;
      {
        sendEmpty(response, 202);
        return;
      }
    case 'GET':
    case 'HEAD': {
      const manifest = await storage.manifest(repository, name);
      if (manifest === undefined) throw unknown;
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
    ...(manifest.subject === undefined ? {} : { 'OCI-Subject': manifest.subject.digest }),
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

/** `/v2/NAME/tags/list`, in pages of `n` after `last`. */
export async function handleTags(exchange: RegistryExchange): Promise<void> {
  const { response, storage, repository } = exchange;
  if (!storage.hasRepository(repository))
    throw new RegistryError(404, 'NAME_UNKNOWN', `repository name not known to registry: ${repository}`);
  sendJson(response, 200, { name: repository, tags: page(exchange, await storage.tags(repository)) });
}

/** `/v2/_catalog`, in pages of `n` after `last`. */
export async function handleCatalog(exchange: RegistryExchange): Promise<void> {
  sendJson(exchange.response, 200, { repositories: page(exchange, await exchange.storage.repositories()) });
}

function page({ url, response }: RegistryExchange, all: readonly string[]): string[] {
  const after = url.searchParams.get('last') ?? '';
  const count = Number(url.searchParams.get('n') ?? '') || all.length;
  const rest = all.filter((name) => name > after);
  const shown = rest.slice(0, count);
  const next = new URLSearchParams({ n: String(count), last: shown.at(-1) ?? '' });
  if (rest.length > shown.length)
    response.setHeader('Link', `<${url.pathname}?${next.toString()}>; rel="next"`);
  return shown;
}

/** `/v2/NAME/referrers/DIGEST`: the manifests whose subject it is. */
export async function handleReferrers({
  response,
  storage,
  repository,
  name,
  url,
}: RegistryExchange): Promise<void> {
  if (!isDigest(name)) throw new RegistryError(400, 'DIGEST_INVALID', `not a sha256 digest: ${name}`);
  const wanted = url.searchParams.get('artifactType');
  const manifests: unknown[] = [];
  for (const digest of await storage.manifests(repository)) {
    const stored = await storage.manifest(repository, digest);
    const manifest = stored === undefined ? undefined : parse(stored.bytes);
    if (stored === undefined || manifest?.subject?.digest !== name) continue;
    const artifactType = manifest.artifactType ?? manifest.config?.mediaType;
    if (wanted !== null && artifactType !== wanted) continue;
    const { mediaType, bytes } = stored;
    manifests.push({
      mediaType,
      digest,
      size: bytes.length,
      artifactType,
      annotations: manifest.annotations,
    });
  }
  if (wanted !== null) response.setHeader('OCI-Filters-Applied', 'artifactType');
  sendJson(response, 200, { schemaVersion: 2, mediaType: INDEX_TYPE, manifests }, INDEX_TYPE);
}
