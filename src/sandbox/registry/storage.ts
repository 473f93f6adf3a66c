import { createHash, randomUUID } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Transform } from 'node:stream';
import { isDigest } from './reference.ts';

/** What a client sends does not have the digest that it says. */
export class DigestMismatch extends Error {}

/** A stored manifest: its bytes as they were pushed. */
export interface StoredManifest {
  digest: string;
  mediaType: string;
  bytes: Buffer;
}

interface Upload {
  repository: string;
  path: string;
  hash: Hash;
  size: number;
}

/**
 * The registry's content in a folder: blobs by digest, shared by all repositories; for each repository a link file a
 * blob, a manifest and a tag. Files appear by rename, so a reader never sees half of one.
 */
export class RegistryStorage {
  private readonly folder: string;
  private readonly uploads = new Map<string, Upload>();

  constructor(folder: string) {
    this.folder = folder;
    for (const name of ['blobs', 'repositories', 'uploads'])
      mkdirSync(join(folder, name), { recursive: true });
  }

  /** Where a blob's bytes are, whether or not it is there. */
  blobPath(digest: string): string {
    if (!isDigest(digest)) throw new RangeError(`not a digest: ${digest}`);
    return join(this.folder, 'blobs', digest.slice(7));
  }

  private linkPath(repository: string, kind: 'blobs' | 'manifests' | 'tags', name: string): string {
    return join(this.folder, 'repositories', repository, `_${kind}`, name.replace(':', '-'));
  }

  hasRepository(repository: string): boolean {
    return existsSync(join(this.folder, 'repositories', repository, '_manifests'));
  }

  /** The size in bytes of a blob of the repository; undefined when it has none such. */
  async blobSize(repository: string, digest: string): Promise<number | undefined> {
    if (!existsSync(this.linkPath(repository, 'blobs', digest))) return undefined;
    return (await stat(this.blobPath(digest))).size;
  }

  /** The bytes of a blob. */
  readBlob(digest: string): Readable {
    return createReadStream(this.blobPath(digest));
  }

  /** Makes a blob of one repository one of another too; false when the first has none such. */
  async mountBlob(from: string, to: string, digest: string): Promise<boolean> {
    if ((await this.blobSize(from, digest)) === undefined) return false;
    await this.writeLink(this.linkPath(to, 'blobs', digest), digest);
    return true;
  }

  startUpload(repository: string): string {
    const id = randomUUID();
    this.uploads.set(id, {
      repository,
      path: join(this.folder, 'uploads', id),
      hash: createHash('sha256'),
      size: 0,
    });
    return id;
  }

  /** How much of an upload has come; undefined when there is no such upload. */
  uploadSize(repository: string, id: string): number | undefined {
    const upload = this.uploads.get(id);
    return upload?.repository === repository ? upload.size : undefined;
  }

  /** Appends to an upload, as fast as the disk takes it; returns its size. */
  async append(id: string, data: Readable): Promise<number> {
    const upload = this.upload(id);
    const count = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        upload.hash.update(chunk);
        upload.size += chunk.length;
        done(null, chunk);
      },
    });
    try {
      await pipeline(data, count, createWriteStream(upload.path, { flags: 'a' }));
    } catch (error) {
      // How much of it is on the disk is not known any more: the client begins anew.
      await this.cancelUpload(id);
      throw error;
    }
    return upload.size;
  }

  /** Ends an upload: its bytes become the blob of that digest. Throws {@link DigestMismatch}; the upload is gone then too. */
  async finishUpload(id: string, digest: string): Promise<void> {
    const upload = this.upload(id);
    this.uploads.delete(id);
    const actual = `sha256:${upload.hash.digest('hex')}`;
    if (actual !== digest) {
      await rm(upload.path, { force: true });
      throw new DigestMismatch(`the content has the digest ${actual}, not ${digest}`);
    }
    if (upload.size === 0) await writeFile(upload.path, '');
    await rename(upload.path, this.blobPath(digest));
    await this.writeLink(this.linkPath(upload.repository, 'blobs', digest), digest);
  }

  async cancelUpload(id: string): Promise<void> {
    const upload = this.upload(id);
    this.uploads.delete(id);
    await rm(upload.path, { force: true });
  }

  private upload(id: string): Upload {
    const upload = this.uploads.get(id);
    if (upload === undefined) throw new RangeError(`no upload ${id}`);
    return upload;
  }

  digestOf(bytes: Buffer): string {
    return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  }

  /** Stores a manifest under its digest and, when `tag` is given, under that too; returns the digest. */
  async putManifest(
    repository: string,
    bytes: Buffer,
    { mediaType, tag }: { mediaType: string; tag: string | undefined },
  ): Promise<string> {
    const digest = this.digestOf(bytes);
    await writeAtomically(this.blobPath(digest), bytes);
    await this.writeLink(this.linkPath(repository, 'manifests', digest), mediaType);
    if (tag !== undefined) await this.writeLink(this.linkPath(repository, 'tags', tag), digest);
    return digest;
  }

  /** A manifest by tag or digest; undefined when the repository has none such. */
  async manifest(repository: string, reference: string): Promise<StoredManifest | undefined> {
    const digest = isDigest(reference)
      ? reference
      : await readIfThere(this.linkPath(repository, 'tags', reference));
    if (digest === undefined) return undefined;
    const mediaType = await readIfThere(this.linkPath(repository, 'manifests', digest));
    if (mediaType === undefined) return undefined;
    return { digest, mediaType, bytes: await readFile(this.blobPath(digest)) };
  }

  /** All tags, sorted. */
  async tags(repository: string): Promise<string[]> {
    const folder = join(this.folder, 'repositories', repository, '_tags');
    return existsSync(folder) ? (await readdir(folder)).sort() : [];
  }

  private async writeLink(path: string, text: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeAtomically(path, Buffer.from(text));
  }
}

async function writeAtomically(path: string, bytes: Buffer): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, bytes);
  await rename(temporary, path);
}

async function readIfThere(path: string): Promise<string | undefined> {
  return existsSync(path) ? readFile(path, 'utf8') : undefined;
}
