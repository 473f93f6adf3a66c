import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack, type Header, type Pack } from 'tar-stream';
import { InternalError } from '../../../base/errors.ts';
import type { BlobSource } from '../upload-blob.ts';
import type { FileNode } from './file-tree.ts';
import type { Spool } from './spool.ts';

/** What a layer holds: path in the image (without `/` in front) to file. */
export type LayerEntries = ReadonlyMap<string, FileNode>;

/** A layer as a file of the runner. */
export interface WrittenLayer extends BlobSource {
  /** Digest of the tar before it was compressed: `diff_ids` of the configuration. */
  diffId: string;
}

/**
 * Writes a layer as tar.gz. The same entries give the same bytes: they are sorted, have one time, no names of users,
 * and the gzip header says nothing of the machine. (The compressed bytes are those of this version of zlib; the diffId
 * is the same everywhere.)
 * @param mtime seconds since 1970 of every entry
 */
export async function writeLayer(
  entries: LayerEntries,
  place: { path: string; spool: Spool; mtime: number },
  { signal }: { signal: AbortSignal },
): Promise<WrittenLayer> {
  const tar = createHash('sha256');
  const compressed = createHash('sha256');
  let size = 0;
  const output = pack();
  const filling = fill(output, entries, place);
  // Its error destroys the stream and so reaches the pipeline, which is what is waited for.
  filling.catch((error: unknown) => output.destroy(error as Error));
  await pipeline(
    Readable.from(output, { objectMode: false }),
    tap((chunk) => tar.update(chunk)),
    createGzip({ level: 6 }),
    anonymousHeader(),
    tap((chunk) => {
      compressed.update(chunk);
      size += chunk.length;
    }),
    createWriteStream(place.path),
    { signal },
  );
  await filling;
  return {
    digest: digest(compressed),
    diffId: digest(tar),
    size,
    open: (start, end) => createReadStream(place.path, { start, end: end - 1 }),
  };
}

async function fill(
  output: Pack,
  entries: LayerEntries,
  { spool, mtime }: { spool: Spool; mtime: number },
): Promise<void> {
  const time = new Date(mtime * 1000);
  // By code units and not by a language's order, and a folder before what is in it.
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [path, node] of sorted) {
    const header = headerOf(path, node, time);
    if (node.type !== 'file' || node.size === 0) {
      output.entry(header, '');
      continue;
    }
    if (node.content.in !== 'spool')
      throw new InternalError(`${path} was not fetched before its layer is written`);
    await pipeline(spool.read(node.content.offset, node.size), output.entry(header));
  }
  output.finalize();
}

function headerOf(path: string, node: FileNode, mtime: Date): Partial<Header> & { name: string } {
  const { mode, uid, gid } = node;
  const common = { mode, uid, gid, mtime, uname: '', gname: '' };
  switch (node.type) {
    case 'directory':
      return { ...common, name: `${path}/`, type: 'directory', size: 0 };
    case 'symlink':
      return { ...common, name: path, type: 'symlink', linkname: node.target, size: 0 };
    case 'file':
      return { ...common, name: path, type: 'file', size: node.size };
  }
}

/** Byte 9 of a gzip header names the operating system: here, that it is unknown (RFC 1952). */
function anonymousHeader(): Transform {
  let at = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (at <= 9 && at + chunk.length > 9) chunk[9 - at] = 255;
      at += chunk.length;
      done(null, chunk);
    },
  });
}

function tap(look: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      look(chunk);
      done(null, chunk);
    },
  });
}

function digest(hash: Hash): string {
  return `sha256:${hash.digest('hex')}`;
}
