import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from '../../base/zod.ts';
import type { ImageReference } from './reference.ts';
import type { RegistryStorage } from './storage.ts';
import { unpackLayer } from './unpack.ts';

const descriptor = z.object({ digest: z.string() });
const platform = z.object({ architecture: z.string(), os: z.string() });
const manifestSchema = z.object({
  config: z.optional(descriptor),
  layers: z.optional(z.array(descriptor)),
  manifests: z.optional(z.array(z.extend(descriptor, { platform: z.optional(platform) }))),
});
const texts = z.nullish(z.array(z.string()));
const runConfig = z.object({
  Entrypoint: texts,
  Cmd: texts,
  Env: texts,
  WorkingDir: z.nullish(z.string()),
});
const configSchema = z.object({ config: z._default(runConfig, {}) });

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
const SHELLS = ['bin/sh', 'usr/bin/sh', 'bin/busybox'];

/** {@link Images} of `storage`, unpacked in `folder`. */
export function createImages(storage: RegistryStorage, folder: string): Images {
  const opening = new Map<string, Promise<string>>();

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
    const root = await unpacked(config.digest, layers);
    return {
      id: `${repository}@${digest}`,
      root,
      complete: SHELLS.some((shell) => existsSync(join(root, shell))),
      entrypoint: Entrypoint ?? [],
      cmd: Cmd ?? [],
      environment: Object.fromEntries((Env ?? []).map((pair) => pair.split(/=(.*)/s))) as Record<
        string,
        string
      >,
      workingDir: WorkingDir || '/',
    };
  }

  /** The folder of an image's files; a config's digest stands for its layers, which it names. */
  function unpacked(configDigest: string, layers: readonly { digest: string }[]): Promise<string> {
    const root = join(folder, configDigest.slice(7));
    const running = opening.get(root) ?? unpackOnce(root, layers).finally(() => opening.delete(root));
    opening.set(root, running);
    return running;
  }

  async function unpackOnce(root: string, layers: readonly { digest: string }[]): Promise<string> {
    if (existsSync(root)) return root;
    const partial = `${root}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    for (const { digest } of layers) await unpackLayer(storage.blobPath(digest), partial);
    await rename(partial, root);
    return root;
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
