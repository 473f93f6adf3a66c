import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { readBlob } from '../blobs.ts';
import type { RegistryHttp } from '../registry-http.ts';
import type { BaseLayer } from './base-image.ts';
import { FileTree, type FileNode } from './file-tree.ts';
import { cleanPath, readTar, type TarEntry } from './read-tar.ts';
import type { Spool } from './spool.ts';

const whiteout = '.wh.';
const opaque = '.wh..wh..opq';

/**
 * Lists the files of an image by reading its layers through, lowest first; their bytes are not kept.
 * Whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
 */
export async function listBaseFiles(
  http: RegistryHttp,
  layers: readonly BaseLayer[],
  options: { signal: AbortSignal },
): Promise<FileTree> {
  const tree = new FileTree();
  for (const layer of layers) {
    for await (const entry of readTar(await openLayer(http, layer, options))) {
      applyEntry(tree, entry, layer);
      entry.stream.resume();
    }
  }
  return tree;
}

/** Fetches the bytes of files of one layer into the spool. @returns where each is, by its path in the layer */
export async function fetchFromLayer(
  http: RegistryHttp,
  layer: BaseLayer,
  wanted: ReadonlySet<string>,
  { spool, signal }: { spool: Spool; signal: AbortSignal },
): Promise<Map<string, number>> {
  const places = new Map<string, number>();
  for await (const { path, stream } of readTar(await openLayer(http, layer, { signal }))) {
    if (wanted.has(path)) {
      const { offset } = await spool.append(stream as AsyncIterable<Buffer>);
      places.set(path, offset);
    }
    stream.resume();
  }
  return places;
}

async function openLayer(
  http: RegistryHttp,
  { repository, descriptor }: BaseLayer,
  options: { signal: AbortSignal },
): Promise<Readable> {
  const blob = await readBlob(http, repository, descriptor, options);
  if (/[+.]zstd$/.test(descriptor.mediaType)) return pipeline(blob, createZstdDecompress(), ignoreHere);
  return /[+.]gzip$/.test(descriptor.mediaType) ? pipeline(blob, createGunzip(), ignoreHere) : blob;
}

/** The error destroys the last stream, where its reader finds it. */
function ignoreHere(): void {
  // Nothing is left to do.
}

function applyEntry(tree: FileTree, { path, header }: TarEntry, layer: BaseLayer): void {
  const slash = path.lastIndexOf('/');
  const [folder, name] = [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)];
  if (name === opaque) {
    tree.empty(folder);
    return;
  }
  if (name.startsWith(whiteout)) {
    const hidden = name.slice(whiteout.length);
    tree.remove(folder === '' ? hidden : `${folder}/${hidden}`);
    return;
  }
  const node = path === '' ? undefined : nodeOf(tree, { path, header }, layer);
  if (node !== undefined) tree.set(path, node);
}

function nodeOf(
  tree: FileTree,
  { path, header }: Pick<TarEntry, 'path' | 'header'>,
  { descriptor }: BaseLayer,
): FileNode | undefined {
  const owner = { mode: header.mode & 0o7777, uid: header.uid, gid: header.gid };
  switch (header.type) {
    case 'file':
    case 'contiguous-file': {
      const content = { in: 'layer', layer: { digest: descriptor.digest }, path } as const;
      return { type: 'file', ...owner, size: header.size, content };
    }
    case 'directory':
      return { type: 'directory', ...owner };
    case 'symlink':
      return { type: 'symlink', ...owner, target: header.linkname };
    case 'link':
      return tree.get(cleanPath(header.linkname));
    default:
      // Devices and pipes: nothing that could be copied from here.
      return undefined;
  }
}
