import { Readable } from 'node:stream';
import type { BuildProgress } from '../../../ports/builder.ts';
import { hasBlob, readBlobRange } from '../blobs.ts';
import { digestOf, mediaTypes, type Descriptor } from '../manifest.ts';
import { putManifest } from '../manifests.ts';
import type { RegistryHttp, Repository } from '../registry-http.ts';
import { uploadBlob, type BlobSource } from '../upload-blob.ts';
import type { ImageLayer, StageImage } from './stage-image.ts';

/** Few at a time: Harbor takes a lock for its quota at each. */
const parallelUploads = 3;

/** What pushing needs. */
export interface PushOptions {
  http: RegistryHttp;
  signal: AbortSignal;
  onProgress: BuildProgress;
}

/**
 * Pushes an image: layers that the repository has are not sent, those of a base in the same registry are mounted,
 * then the configuration, then the manifest under every tag.
 * @returns digest of the manifest and the bytes of configuration and layers
 */
export async function pushImage(
  image: StageImage,
  to: { repository: Repository; tags: readonly string[]; annotations: Record<string, string> },
  options: PushOptions,
): Promise<{ digest: string; bytes: number }> {
  const { repository, tags, annotations } = to;
  await inParallel(image.layers, (layer) => pushLayer(layer, repository, options), options.signal);
  const config = Buffer.from(JSON.stringify(image.toConfig()));
  const configBlob = {
    digest: digestOf(config),
    size: config.length,
    open: () => Readable.from([config], { objectMode: false }),
  };
  await pushBlob(configBlob, { repository }, options);
  const layers = image.layers.map(layerDescriptor);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: configBlob.digest, size: configBlob.size },
    layers,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  let digest = '';
  for (const version of tags) {
    digest = await putManifest(
      options.http,
      repository,
      { version, mediaType: mediaTypes.ociManifest, bytes },
      options,
    );
    await options.onProgress(`pushed ${repository.host}/${repository.path}:${version} ${digest}`);
  }
  return { digest, bytes: layers.reduce((sum, layer) => sum + layer.size, configBlob.size) };
}

/** Docker's names for the same formats become OCI's; a manifest does not mix them. */
const ociNames: Partial<Record<string, string>> = {
  [mediaTypes.dockerLayer]: mediaTypes.ociLayer,
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
};

function layerDescriptor(layer: ImageLayer): Pick<Descriptor, 'mediaType' | 'digest' | 'size'> {
  if (layer.from === 'build') {
    return { mediaType: mediaTypes.ociLayerGzip, digest: layer.layer.digest, size: layer.layer.size };
  }
  const { mediaType, digest, size } = layer.layer.descriptor;
  return { mediaType: ociNames[mediaType] ?? mediaType, digest, size };
}

async function pushLayer(layer: ImageLayer, repository: Repository, options: PushOptions): Promise<void> {
  if (layer.from === 'build') {
    await pushBlob(layer.layer, { repository }, options);
    return;
  }
  const { repository: source, descriptor } = layer.layer;
  const blob: BlobSource = {
    digest: descriptor.digest,
    size: descriptor.size,
    open: (start, end) => readBlobRange(options.http, source, { ...descriptor, start, end }, options),
  };
  const mountFrom = source.host === repository.host ? source.path : undefined;
  await pushBlob(blob, { repository, mountFrom }, options);
}

async function pushBlob(
  blob: BlobSource,
  to: { repository: Repository; mountFrom?: string | undefined },
  options: PushOptions,
): Promise<void> {
  const { repository, mountFrom } = to;
  const name = blob.digest.slice('sha256:'.length, 'sha256:'.length + 12);
  if (await hasBlob(options.http, repository, blob.digest, options)) {
    await options.onProgress(`${name}: already there`);
    return;
  }
  const transfer = await uploadBlob(options.http, repository, blob, {
    ...options,
    ...(mountFrom === undefined || mountFrom === repository.path ? {} : { mountFrom }),
  });
  await options.onProgress(
    `${name}: ${transfer === 'mounted' ? `mounted from ${mountFrom ?? ''}` : `pushed, ${String(blob.size)} bytes`}`,
  );
}

/** Works through a list, few at a time; at the first error no more are begun, and those that run are waited for. */
async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...items];
  let failure: { error: unknown } | undefined;
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined && failure === undefined; item = waiting.shift()) {
      signal.throwIfAborted();
      await work(item);
    }
  };
  const workers = Array.from({ length: parallelUploads }, () =>
    worker().catch((error: unknown) => {
      failure ??= { error };
    }),
  );
  await Promise.all(workers);
  if (failure !== undefined) throw failure.error;
}
