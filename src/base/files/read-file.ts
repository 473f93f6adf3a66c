import type { Stats } from 'node:fs';
import { constants, lstat, open, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { RefusedPathError } from './errors.ts';
import { foreignTree, isInside } from './foreign-tree.ts';

/** How a file is read. */
export interface ReadOptions {
  /** Bytes; a larger file is refused. */
  largest: number;
  signal?: AbortSignal;
}

/** `O_NONBLOCK`: opening a pipe that came in place of the file does not wait for its writer. */
const reading = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Reads a file that somebody else may have put there: regular files alone, no more than a limit, and in a foreign tree
 * (a checkout) no file outside of it, nor of its `.git`, over a link.
 * @throws RefusedPathError, and the system's error when the file is not there or not readable
 */
export async function readRegularFile(file: string, options: ReadOptions): Promise<Buffer> {
  const actual = await resolveLinks(path.resolve(file), file);
  checkRegular(await stat(actual), file); // before it is opened: opening a device can have effects
  const handle = await open(actual, reading);
  try {
    checkRegular(await handle.stat(), file);
    return await readUpTo(handle, file, options);
  } finally {
    await handle.close();
  }
}

/** Where a path leads. @throws RefusedPathError when it leaves the foreign tree that it lies in */
async function resolveLinks(target: string, shown: string): Promise<string> {
  const actual = await realpath(target);
  const tree = await foreignTree(path.dirname(target));
  if (tree === undefined || staysIn(await realpath(tree), actual)) return actual;
  const link = await firstLink(tree, target);
  if (link === undefined) return actual; // The user named the file of `.git` itself.
  const { at, to } = link;
  throw new RefusedPathError(`${shown} is not read: ${at} is a symbolic link to ${to}, outside of ${tree}`, {
    hint: 'files of a repository are read only when they are inside it; give the path of the file itself',
  });
}

function staysIn(tree: string, actual: string): boolean {
  return isInside(tree, actual) && !path.relative(tree, actual).split(path.sep).includes('.git');
}

/** The first link below a folder on the way to a path. */
async function firstLink(folder: string, target: string): Promise<{ at: string; to: string } | undefined> {
  let at = folder;
  for (const name of path.relative(folder, target).split(path.sep)) {
    at = path.join(at, name);
    if ((await lstat(at)).isSymbolicLink()) return { at, to: JSON.stringify(await readlink(at)) };
  }
  return undefined;
}

function checkRegular(found: Stats, file: string): void {
  if (found.isFile()) return;
  throw new RefusedPathError(`${file} is ${kindOf(found)}: only regular files are read`);
}

/** What a path is that is no link, with its article. */
export function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a named pipe';
  if (found.isSocket()) return 'a socket';
  return found.isFile() ? 'a file' : 'a device';
}

async function readUpTo(handle: FileHandle, file: string, { largest, signal }: ReadOptions): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for (;;) {
    signal?.throwIfAborted();
    const piece = Buffer.allocUnsafe(Math.min(64 * 1024, largest + 1 - length));
    const { bytesRead } = await handle.read(piece, 0, piece.length, null);
    if (bytesRead === 0) return Buffer.concat(pieces, length);
    pieces.push(piece.subarray(0, bytesRead));
    length += bytesRead;
    if (length > largest) {
      throw new RefusedPathError(`${file} is larger than ${sizeText(largest)}, the limit for such a file`);
    }
  }
}

function sizeText(bytes: number): string {
  const mebibyte = 1024 * 1024;
  return bytes % mebibyte === 0
    ? `${String(bytes / mebibyte)} MiB`
    : `${String(Math.round(bytes / 1024))} KiB`;
}
