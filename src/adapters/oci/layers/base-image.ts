import { defined } from '../../../base/defined.ts';
import { BuildError } from '../../../ports/builder.ts';
import { RegistryError } from '../../../ports/registry.ts';
import { parseImageReference, repositoryName, versionOf } from '../../../base/image-reference.ts';
import { readBlob } from '../blobs.ts';
import { ImageIndex, ImageManifest, mediaTypes, type Descriptor } from '../manifest.ts';
import { readManifest, type StoredManifest } from '../manifests.ts';
import type { RegistryHttp, Repository } from '../registry-http.ts';
import { emptyConfig, ImageConfig, type Platform } from './image-config.ts';

/** A layer of an image in a registry, and where it can be read. */
export interface BaseLayer {
  repository: Repository;
  descriptor: Descriptor;
}

/** What a stage begins with. */
export interface BaseImage {
  /** As the Dockerfile names it, with its registry; missing for scratch. */
  name?: string;
  /** Missing for scratch and for what the registry does not have. */
  digest?: string;
  config: ImageConfig;
  layers: readonly BaseLayer[];
}

/** What to fetch. */
export interface BaseRequest {
  reference: string;
  platform: Platform;
  credentials: Repository['credentials'];
}

/**
 * Reads manifest and configuration of an image; of an index, the one for the platform.
 * @returns undefined when the registry does not have it
 * @throws RegistryError; BuildError when it is not an image for this platform
 */
export async function fetchBase(
  http: RegistryHttp,
  request: BaseRequest,
  options: { signal: AbortSignal },
): Promise<BaseImage | undefined> {
  const reference = parseImageReference(request.reference);
  const { credentials, platform } = request;
  const repository = { host: reference.host, path: reference.path, ...(credentials && { credentials }) };
  const name = `${repositoryName(reference)}${reference.digest === undefined ? ':' : '@'}${versionOf(reference)}`;
  const found = await readManifest(http, repository, versionOf(reference), options);
  if (found === undefined) return undefined;
  const stored = await choosePlatform(http, repository, { stored: found, platform, name }, options);
  const manifest = parseAs(name, 'manifest', () =>
    ImageManifest.parse(JSON.parse(stored.bytes.toString('utf8'))),
  );
  const bytes = await readAll(http, repository, manifest.config, options);
  const config = parseAs(name, 'configuration', () => ImageConfig.parse(JSON.parse(bytes.toString('utf8'))));
  const foreign = manifest.layers.find((layer) => /foreign|nondistributable/.test(layer.mediaType));
  if (foreign !== undefined)
    throw new BuildError(`${name} has layers that may not be copied to another registry`);
  if ((config.rootfs.diff_ids?.length ?? 0) !== manifest.layers.length) {
    throw new RegistryError(
      'invalid',
      `${name}: its configuration and its manifest do not have the same layers`,
    );
  }
  return {
    name,
    digest: stored.digest,
    config,
    layers: manifest.layers.map((descriptor) => ({ repository, descriptor })),
  };
}

/** The base that is not one: `scratch`, or (with a name) an image that is not there. */
export function emptyBase(platform: Platform, name?: string): BaseImage {
  return { ...defined({ name }), config: emptyConfig(platform), layers: [] };
}

async function choosePlatform(
  http: RegistryHttp,
  repository: Repository,
  { stored, platform, name }: { stored: StoredManifest; platform: Platform; name: string },
  options: { signal: AbortSignal },
): Promise<StoredManifest> {
  const { mediaType } = stored;
  if (mediaType !== mediaTypes.ociIndex && mediaType !== mediaTypes.dockerList) return stored;
  const index = parseAs(name, 'index', () => ImageIndex.parse(JSON.parse(stored.bytes.toString('utf8'))));
  const chosen = index.manifests.find((one) => fits(one, platform));
  if (chosen === undefined) {
    const there = index.manifests.map(
      (one) => `${one.platform?.os ?? '?'}/${one.platform?.architecture ?? '?'}`,
    );
    throw new BuildError(
      `${name} is not available for ${platform.os}/${platform.architecture}, only for ${there.join(', ')}`,
    );
  }
  const manifest = await readManifest(http, repository, chosen.digest, options);
  if (manifest !== undefined) return manifest;
  throw new RegistryError('notFound', `${name} names ${chosen.digest}, which the registry does not have`);
}

function fits({ platform }: Descriptor, wanted: Platform): boolean {
  return (
    platform?.os === wanted.os &&
    platform.architecture === wanted.architecture &&
    (wanted.variant === undefined || platform.variant === wanted.variant)
  );
}

const maxConfigBytes = 8 * 1024 * 1024;

async function readAll(
  http: RegistryHttp,
  repository: Repository,
  descriptor: Descriptor,
  options: { signal: AbortSignal },
): Promise<Buffer> {
  if (descriptor.size > maxConfigBytes)
    throw new RegistryError('invalid', 'an image configuration is larger than 8 MiB');
  const chunks: Buffer[] = [];
  for await (const chunk of await readBlob(http, repository, descriptor, options))
    chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parseAs<T>(name: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new RegistryError('invalid', `the ${what} of ${name} cannot be read`, { cause: error });
  }
}
