import { createReadStream } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import type { Header } from 'tar-stream';
import { InputError } from '../../base/errors.ts';

/** A file of a layer: its header, and its bytes as a stream. */
type Entry = Readable & { header: Header };

const whiteoutPrefix = '.wh.';
const opaqueMarker = '.wh..wh..opq';
/** More symbolic links than this in one path are a loop. */
const mostLinks = 40;

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
    if (basename(target).startsWith(whiteoutPrefix)) await applyWhiteout(target, fresh);
    else if (target !== root) {
      fresh.add(target);
      if (entry.header.type === 'directory') folders.push({ path: target, mode: entry.header.mode });
      await writeEntry(root, target, entry);
    }
    entry.resume();
  }
  await reading;
  // At the end: a folder that is not writable would refuse its own files.
  const real = await realpath(root);
  for (const folder of folders.reverse()) {
    const place = join(real, relative(root, folder.path));
    // A later entry may have put a link in the place of the folder, or of one above it.
    if ((await realpath(place).catch(() => undefined)) === place) await chmod(place, folder.mode | 0o700);
  }
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

/**
 * Makes the folders of a path one by one; a symbolic link among them is followed as if `root` were `/`.
 * @throws InputError when there are too many links
 */
async function existingFolder(root: string, folder: string): Promise<string> {
  /** The next one last. */
  const rest = namesOf(folder.slice(root.length)).reverse();
  let at = root;
  let links = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === '..') {
      if (at !== root) at = dirname(at);
      continue;
    }
    const next = join(at, name);
    const found = await lstat(next).catch(() => undefined);
    if (found?.isSymbolicLink() === true) {
      links += 1;
      if (links > mostLinks)
        throw new InputError(`too many symbolic links at ${JSON.stringify(next)} of the image`);
      const target = await readlink(next);
      rest.push(...namesOf(target).reverse());
      if (isAbsolute(target)) at = root;
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

function namesOf(path: string): string[] {
  return path.split(sep).filter((name) => name !== '' && name !== '.');
}

async function applyWhiteout(target: string, fresh: ReadonlySet<string>): Promise<void> {
  const folder = dirname(target);
  if (basename(target) !== opaqueMarker) {
    const name = basename(target).slice(whiteoutPrefix.length);
    if (['', '.', '..'].includes(name))
      throw new InputError(`the image has the whiteout ${JSON.stringify(basename(target))} of no file`);
    await rm(join(folder, name), { recursive: true, force: true });
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
      // Not by a pipeline to a file's stream: that one never ends when the layer ends in the middle of the file.
      await writeFile(target, data, { flag: 'wx' });
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
