import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryStorage } from './storage.ts';
import { unpackLayer } from './unpack.ts';

/** Folders with the files of images, each unpacked once. */
export class UnpackedImages {
  readonly #storage: RegistryStorage;
  readonly #folder: string;
  readonly #running = new Map<string, Promise<string>>();

  constructor(storage: RegistryStorage, folder: string) {
    this.#storage = storage;
    this.#folder = folder;
  }

  /** The folder of an image's files; a config's digest stands for its layers, which it names. */
  open(configDigest: string, layers: readonly { digest: string }[]): Promise<string> {
    const root = join(this.#folder, configDigest.slice(7));
    const running =
      this.#running.get(root) ?? this.#unpack(root, layers).finally(() => this.#running.delete(root));
    this.#running.set(root, running);
    return running;
  }

  async #unpack(root: string, layers: readonly { digest: string }[]): Promise<string> {
    if (existsSync(root)) return root;
    const partial = `${root}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    for (const { digest } of layers) await unpackLayer(this.#storage.blobPath(digest), partial);
    await rename(partial, root);
    return root;
  }
}
