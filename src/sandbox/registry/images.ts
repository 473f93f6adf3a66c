import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configSchema, manifestSchema } from './image-schema.ts';
import type { ImageReference } from './reference.ts';
import type { RegistryStorage } from './storage.ts';
import { UnpackedImages } from './unpacked-images.ts';

/** An image of the registry, unpacked. */
export interface OpenedImage {
  /** `REPOSITORY@DIGEST`. */
  id: string;
  root: string;
  complete: boolean;
  entrypoint: string[];
  cmd: string[];
  environment: Record<string, string>;
  workingDir: string;
}

/** The registry's images as a container runtime uses them. */
export interface Images {
  /** Whether anything was ever pushed to the repository. */
  hasRepository(repository: string): boolean;
  /** Unpacks an image, once for each content; undefined when the registry does not have it. Rejects when it is broken. */
  open(reference: ImageReference, signal: AbortSignal): Promise<OpenedImage | undefined>;
}

/** Any of these in an image makes it a system of its own, which needs nothing of the machine beneath it. */
const shellPaths = ['bin/sh', 'usr/bin/sh', 'bin/busybox'];

/** {@link Images} of `storage`, unpacked in `folder`. */
export function createImages(storage: RegistryStorage, folder: string): Images {
  const unpackedImages = new UnpackedImages(storage, folder);

  async function open(reference: ImageReference, signal: AbortSignal): Promise<OpenedImage | undefined> {
    for (const name of namesOf(reference.repository)) {
      const manifest = await storage.manifest(name, reference.digest ?? reference.tag);
      if (manifest === undefined) continue;
      signal.throwIfAborted();
      return openManifest(name, manifest.digest, manifest.bytes);
    }
    return undefined;
  }

  async function openManifest(repository: string, digest: string, bytes: Buffer): Promise<OpenedImage> {
    const { manifests, config, layers = [] } = manifestSchema.parse(JSON.parse(bytes.toString()));
    if (manifests !== undefined) {
      const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
      const fitting =
        manifests.find(
          ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture,
        ) ?? manifests[0];
      const inner = fitting === undefined ? undefined : await storage.manifest(repository, fitting.digest);
      if (inner === undefined)
        throw new Error(`no match for platform linux/${architecture} in manifest: not found`);
      return openManifest(repository, digest, inner.bytes);
    }
    if (config === undefined) throw new Error('the manifest has no config: this is not an image');
    const text = await readFile(storage.blobPath(config.digest), 'utf8');
    const { Entrypoint, Cmd, Env, WorkingDir } = configSchema.parse(JSON.parse(text)).config;
    const root = await unpackedImages.open(config.digest, layers);
    return {
      id: `${repository}@${digest}`,
      root,
      complete: shellPaths.some((shell) => existsSync(join(root, shell))),
      entrypoint: Entrypoint ?? [],
      cmd: Cmd ?? [],
      environment: Object.fromEntries((Env ?? []).map((pair) => pair.split(/=(.*)/s))) as Record<
        string,
        string
      >,
      workingDir: WorkingDir || '/',
    };
  }

  return {
    open,
    hasRepository: (repository) => namesOf(repository).some((name) => storage.hasRepository(name)),
  };
}

/** Docker Hub's own images are also found without `library/`. */
function namesOf(repository: string): string[] {
  return [...new Set([repository, repository.replace(/^library\//, '')])];
}
