import { createHash, randomUUID } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDigest } from './reference.ts';

/** What a client sends does not have the digest that it says. */
export class DigestMismatch extends Error {}

/** A stored manifest: its bytes as they were pushed. */
export interface StoredManifest {
  digest: string;
  mediaType: string;
  bytes: Buffer;
}

/** A blob of which a part has come. */
export interface Upload {
  readonly id: string;
  readonly repository: string;
  readonly path: string;
  readonly hash: Hash;
  /** In bytes. */
  size: number;
}

/**
 * The registry's content in a folder: blobs by digest, shared by all repositories; for each repository a link file a
 * blob, a manifest and a tag. Files appear by rename, so a reader never sees half of one.
 */
export class RegistryStorage {
  readonly #folder: string;
  readonly #uploads = new Map<string, Upload>();

  constructor(folder: string) {
    this.#folder = folder;
    for (const name of ['blobs', 'repositories', 'uploads'])
      mkdirSync(join(folder, name), { recursive: true });
  }

  /** Where a blob's bytes are, whether or not it is there. */
  blobPath(digest: string): string {
    if (!isDigest(digest)) throw new RangeError(`not a digest: ${digest}`);
    return join(this.#folder, 'blobs', digest.slice(7));
  }

  #linkPath(repository: string, kind: 'blobs' | 'manifests' | 'tags', name = ''): string {
    return join(this.#folder, 'repositories', repository, `_${kind}`, name.replace(':', '-'));
  }

  /** Whether anything was ever pushed to the repository. */
  hasRepository(repository: string): boolean {
    return existsSync(this.#linkPath(repository, 'manifests'));
  }

  /** The size in bytes of a blob of the repository; undefined when it has none such. */
  async blobSize(repository: string, digest: string): Promise<number | undefined> {
    if (!existsSync(this.#linkPath(repository, 'blobs', digest))) return undefined;
    return (await stat(this.blobPath(digest))).size;
  }

  /** Makes a blob of one repository one of another too; false when the first has none such. */
  async mountBlob(from: string, to: string, digest: string): Promise<boolean> {
    if ((await this.blobSize(from, digest)) === undefined) return false;
    await writeLink(this.#linkPath(to, 'blobs', digest), digest);
    return true;
  }

  startUpload(repository: string): Upload {
    const id = randomUUID();
    const path = join(this.#folder, 'uploads', id);
    const upload = { id, repository, path, hash: createHash('sha256'), size: 0 };
    this.#uploads.set(id, upload);
    return upload;
  }

  upload(repository: string, id: string): Upload | undefined {
    const upload = this.#uploads.get(id);
    return upload?.repository === repository ? upload : undefined;
  }

  /** Appends to an upload, as fast as the disk takes it. */
  async append(upload: Upload, data: Readable): Promise<void> {
    async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        upload.hash.update(chunk);
        upload.size += chunk.length;
        yield chunk;
      }
    }
    try {
      await pipeline(data, counted, createWriteStream(upload.path, { flags: 'a' }));
    } catch (error) {
      // How much of it is on the disk is not known any more: the client begins anew.
      this.#uploads.delete(upload.id);
      await rm(upload.path, { force: true });
      throw error;
    }
  }

  /** Ends an upload: its bytes become the blob of that digest. Throws {@link DigestMismatch}; the upload is gone then too. */
  async finishUpload({ id, path, hash, repository }: Upload, digest: string): Promise<void> {
    this.#uploads.delete(id);
    const actual = `sha256:${hash.digest('hex')}`;
    if (actual !== digest) {
      await rm(path, { force: true });
      throw new DigestMismatch(`the content has the digest ${actual}, not ${digest}`);
    }
    await rename(path, this.blobPath(digest));
    await writeLink(this.#linkPath(repository, 'blobs', digest), digest);
  }

  /** Stores a manifest under its digest and, when `tag` is given, under that too. */
  async putManifest(
    repository: string,
    { digest, mediaType, bytes }: StoredManifest,
    tag: string | undefined,
  ): Promise<void> {
    await writeAtomically(this.blobPath(digest), bytes);
    await writeLink(this.#linkPath(repository, 'manifests', digest), mediaType);
    if (tag !== undefined) await writeLink(this.#linkPath(repository, 'tags', tag), digest);
  }

  /** A manifest by tag or digest; undefined when the repository has none such. */
  async manifest(repository: string, reference: string): Promise<StoredManifest | undefined> {
    const tag = this.#linkPath(repository, 'tags', reference);
    const digest = isDigest(reference) ? reference : await readIfThere(tag);
    if (digest === undefined) return undefined;
    const mediaType = await readIfThere(this.#linkPath(repository, 'manifests', digest));
    if (mediaType === undefined) return undefined;
    return { digest, mediaType, bytes: await readFile(this.blobPath(digest)) };
  }

  /** All tags, sorted. */
  async tags(repository: string): Promise<string[]> {
    const folder = this.#linkPath(repository, 'tags');
    return existsSync(folder) ? (await readdir(folder)).sort() : [];
  }
}

async function writeLink(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeAtomically(path, Buffer.from(text));
}

async function writeAtomically(path: string, bytes: Buffer): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, bytes);
  await rename(temporary, path);
}

async function readIfThere(path: string): Promise<string | undefined> {
  return existsSync(path) ? readFile(path, 'utf8') : undefined;
}
