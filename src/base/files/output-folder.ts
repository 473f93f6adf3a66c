import type { Stats } from 'node:fs';
import {
  constants,
  lstat,
  mkdir,
  open,
  readlink,
  rename,
  rm,
  unlink,
  type FileHandle,
} from 'node:fs/promises';
import path from 'node:path';
import { fileError, RefusedPathError } from './errors.ts';
import { foreignTree, isInside } from './foreign-tree.ts';
import { kindOf } from './read-file.ts';

const noLink = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const fresh = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noLink;
const kept = constants.O_RDWR | constants.O_CREAT | noLink;
const read = constants.O_RDONLY | noLink;

/**
 * A folder of this machine that results are written to, which may lie in a checkout: what a repository put there (a
 * link, a pipe, a device) is never written through. Folders are made here one by one; no component of a path below the
 * trusted part may be a link. The trusted part is what lies above the foreign tree, itself included, or else the folder
 * above this one, which the user named.
 *
 * Everything is looked at right before it is used; a file is opened without following a link. (Who can write to the
 * folders at the same time is a user of this machine, not a repository.)
 */
export class OutputFolder {
  /** Absolute. */
  readonly path: string;
  #trusted: Promise<string> | undefined;

  constructor(folder: string) {
    this.path = path.resolve(folder);
  }

  /**
   * Looks whether a folder (or a file, when `last` says so) can be written here; makes nothing.
   * @param name relative; `''` is this folder
   * @throws RefusedPathError
   */
  async check(name: string, last: 'file' | 'folder' = 'folder'): Promise<void> {
    const target = this.inside(name);
    await this.#guard(target, async () => {
      await this.#walk(last === 'folder' ? target : path.dirname(target), { make: false });
      if (last === 'file') await this.#regularOrMissing(target);
    });
  }

  /** Makes a folder and those above it. @returns its absolute path; @throws RefusedPathError, FileError */
  async makeFolder(name = ''): Promise<string> {
    const target = this.inside(name);
    return this.#guard(target, async () => {
      await this.#walk(target, { make: true });
      return target;
    });
  }

  /** Makes a new file in the place of an earlier one, with the folders above. @throws RefusedPathError, FileError */
  async createFile(name: string): Promise<FileHandle> {
    const target = this.inside(name);
    return this.#guard(target, async () => {
      await this.#walk(path.dirname(target), { make: true });
      // Removed and not cut: it may be a hard link of another file.
      if (await this.#regularOrMissing(target)) await unlink(target);
      return open(target, fresh);
    });
  }

  /** Opens a file to read and write, or an empty one. @throws RefusedPathError, FileError */
  async openFile(name: string): Promise<FileHandle> {
    const target = this.inside(name);
    return this.#guard(target, async () => {
      await this.#walk(path.dirname(target), { make: true });
      await this.#regularOrMissing(target);
      return open(target, kept);
    });
  }

  /** Opens a file to read; undefined when it is not there. @throws RefusedPathError, FileError */
  async openToRead(name: string): Promise<FileHandle | undefined> {
    const target = this.inside(name);
    return this.#guard(target, async () => {
      await this.#walk(path.dirname(target), { make: false });
      return (await this.#regularOrMissing(target)) ? open(target, read) : undefined;
    });
  }

  /** Removes a file, if it is there. @throws RefusedPathError, FileError */
  async removeFile(name: string): Promise<void> {
    const target = this.inside(name);
    await this.#guard(target, async () => {
      await this.#walk(path.dirname(target), { make: false });
      if (await this.#regularOrMissing(target)) await unlink(target);
    });
  }

  /** Gives a file another name, in the place of an earlier one, with the folders above. @throws RefusedPathError, FileError */
  async moveFile(from: string, to: string): Promise<void> {
    const [source, target] = [this.inside(from), this.inside(to)];
    await this.#guard(target, async () => {
      await this.#walk(path.dirname(source), { make: false });
      await this.#walk(path.dirname(target), { make: true });
      await this.#regularOrMissing(target);
      await rename(source, target);
    });
  }

  /** Removes a folder with all that is in it, if it is there; links in it are not followed. @throws RefusedPathError, FileError */
  async removeFolder(name: string): Promise<void> {
    const target = this.inside(name);
    await this.#guard(target, async () => {
      await this.#walk(path.dirname(target), { make: false });
      await rm(target, { recursive: true, force: true });
    });
  }

  /** The absolute path of a name in the folder. @throws RefusedPathError when it would lie outside, or is no name */
  inside(name: string): string {
    const target = path.resolve(this.path, name);
    if (name.includes('\0') || path.isAbsolute(name) || !isInside(this.path, target)) {
      throw new RefusedPathError(
        `the path ${JSON.stringify(name.slice(0, 200))} leaves its folder ${this.path}`,
      );
    }
    return target;
  }

  /** Goes down from the trusted part, folder by folder. */
  async #walk(folder: string, { make }: { make: boolean }): Promise<void> {
    this.#trusted ??= trustedPart(this.path);
    const trusted = await this.#trusted;
    if (make) await mkdir(trusted, { recursive: true });
    let at = trusted;
    for (const name of path.relative(trusted, folder).split(path.sep)) {
      if (name === '') continue;
      at = path.join(at, name);
      const found = await lookAt(at);
      if (found?.isDirectory() === true) continue;
      if (found !== undefined) throw await refusal(at, found);
      if (!make) return;
      await mkdir(at).catch(async (error: unknown) => {
        // Another stage may have made it just now.
        if ((await lookAt(at))?.isDirectory() !== true) throw error;
      });
    }
  }

  /** Whether there is a file. @throws RefusedPathError when there is something else */
  async #regularOrMissing(target: string): Promise<boolean> {
    const found = await lookAt(target);
    if (found !== undefined && !found.isFile()) throw await refusal(target, found);
    return found !== undefined;
  }

  async #guard<T>(target: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileError(target, error);
    }
  }
}

async function trustedPart(folder: string): Promise<string> {
  return (await foreignTree(folder)) ?? path.dirname(folder);
}

async function lookAt(target: string): Promise<Stats | undefined> {
  try {
    return await lstat(target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function refusal(at: string, found: Stats): Promise<RefusedPathError> {
  if (!found.isSymbolicLink()) {
    return new RefusedPathError(`cannot write to ${at}: it is ${kindOf(found)}`, {
      hint: 'remove it, or name another folder',
    });
  }
  const target = JSON.stringify(await readlink(at));
  return new RefusedPathError(`${at} is a symbolic link to ${target}: nothing is written through links`, {
    hint: 'remove the link, or give the path of the folder that it points to',
  });
}
