import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, link, lstat, mkdir, open, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import type { Header } from 'tar-stream';

/** A file of a layer: its header, and its bytes as a stream. */
type Entry = Readable & { header: Header };

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** More symbolic links than this in one path are a loop. */
const MOST_LINKS = 40;

/**
 * Unpacks a layer of an image into `root`, over those below it: a tar file, plain, gzip or zstd. Whiteouts take away
 * what lower layers brought (OCI image specification, "Representing Changes"). Nothing is written outside of `root`.
 * Owners and devices are not kept: an ordinary user cannot make them.
 */
export async function unpackLayer(path: string, root: string): Promise<void> {
  const fresh = new Set<string>();
  const folders: { path: string; mode: number }[] = [];
  const tar = extract();
  const reading = pipeline([createReadStream(path), ...(await decompressor(path)), tar]);
  // Its error is thrown by the loop below, too; both must be heard.
  reading.catch(() => undefined);
  for await (const entry of tar as unknown as AsyncIterable<Entry>) {
    const target = await placeOf(root, entry.header.name);
    if (basename(target).startsWith(WHITEOUT)) await applyWhiteout(target, fresh);
    else if (target !== root) {
      fresh.add(target);
      if (entry.header.type === 'directory') folders.push({ path: target, mode: entry.header.mode });
      await writeEntry(root, target, entry);
    }
    entry.resume();
  }
  await reading;
  // At the end: a folder that is not writable would refuse its own files.
  for (const folder of folders.reverse()) await chmod(folder.path, folder.mode | 0o700);
}

async function decompressor(path: string): Promise<NodeJS.ReadWriteStream[]> {
  const handle = await open(path);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer[0] === 0x1f && buffer[1] === 0x8b) return [createGunzip()];
    return buffer.readUInt32LE(0) === 0xfd2fb528 ? [createZstdDecompress()] : [];
  } finally {
    await handle.close();
  }
}

/** Where an entry goes: below `root`, whatever its name and the symbolic links in between say. */
async function placeOf(root: string, name: string): Promise<string> {
  const target = resolve(root, `.${sep}${resolve('/', name)}`);
  if (target === root) return root;
  const folder = await existingFolder(root, dirname(target));
  return join(folder, basename(target));
}

/** Makes the folders of a path one by one; a symbolic link among them is followed as if `root` were `/`. */
async function existingFolder(root: string, folder: string, links = 0): Promise<string> {
  let at = root;
  for (const part of folder
    .slice(root.length)
    .split(sep)
    .filter((name) => name !== '')) {
    const next = join(at, part);
    const found = await lstat(next).catch(() => undefined);
    if (found?.isSymbolicLink() === true && links < MOST_LINKS) {
      const linked = resolve('/', at.slice(root.length), await readlink(next));
      at = await existingFolder(root, join(root, linked), links + 1);
      continue;
    }
    if (found === undefined || !found.isDirectory()) {
      await rm(next, { force: true });
      await mkdir(next);
    }
    at = next;
  }
  return at;
}

async function applyWhiteout(target: string, fresh: ReadonlySet<string>): Promise<void> {
  const folder = dirname(target);
  if (basename(target) !== OPAQUE) {
    await rm(join(folder, basename(target).slice(WHITEOUT.length)), { recursive: true, force: true });
    return;
  }
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!fresh.has(path)) await rm(path, { recursive: true, force: true });
  }
}

async function writeEntry(root: string, target: string, data: Entry): Promise<void> {
  const { header } = data;
  const found = await lstat(target).catch(() => undefined);
  const isFolder = header.type === 'directory';
  if (found !== undefined && !(isFolder && found.isDirectory()))
    await rm(target, { recursive: true, force: true });
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      await pipeline(data, createWriteStream(target));
      await chmod(target, header.mode);
      break;
    case 'directory':
      if (found?.isDirectory() !== true) await mkdir(target);
      break;
    case 'symlink':
      await symlink(header.linkname, target);
      break;
    case 'link':
      await link(await placeOf(root, header.linkname), target);
      break;
    case 'character-device':
    case 'block-device':
    case 'fifo':
      await writeFile(target, '');
      break;
    default:
  }
}
