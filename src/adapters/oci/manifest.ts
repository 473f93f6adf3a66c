import { createHash } from 'node:crypto';
import * as z from '../../base/zod.ts';

/** Media types of the formats that a registry may hold; https://github.com/opencontainers/image-spec/blob/main/media-types.md */
export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** Every kind of manifest that we can name in `Accept`. */
export const manifestTypes: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerList,
  mediaTypes.dockerManifest,
];

/** A thing in a registry, by its content. */
export type Descriptor = z.infer<typeof Descriptor>;

const Descriptor = z.looseObject({
  mediaType: z.string(),
  digest: z.string().check(z.regex(/^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/)),
  size: z.int().check(z.nonnegative()),
  annotations: z.nullish(z.record(z.string(), z.string())),
  platform: z.nullish(
    z.looseObject({ os: z.string(), architecture: z.string(), variant: z.optional(z.string()) }),
  ),
});

/** Several images, by platform. */
export const ImageIndex = z.looseObject({
  schemaVersion: z.literal(2),
  manifests: z.array(Descriptor),
});

/** One image: its configuration and its layers, lowest first. */
export type ImageManifest = z.infer<typeof ImageManifest>;

/** See {@link ImageManifest}. */
export const ImageManifest = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.string()),
  config: Descriptor,
  layers: z.array(Descriptor),
  annotations: z.nullish(z.record(z.string(), z.string())),
});

/** `sha256:…` of the bytes. */
export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
