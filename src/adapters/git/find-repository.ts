import { constants } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { SourceError } from '../../ports/source-repository.ts';

/** Bytes of the small files of a Git directory that are read: HEAD, commondir, gitdir, a `.git` file. */
const smallFile = 8 * 1024;

/** A repository with a working tree, as it was found. Nothing in it is trusted. */
export interface FoundRepository {
  /** The working tree's top folder, with all links resolved. */
  top: string;
  /** Where HEAD and the index are. */
  gitDirectory: string;
  /** Where objects, refs and the configuration are: the same, but for a linked worktree. */
  commonDirectory: string;
}

/**
 * Looks upwards from a folder for `.git`, as Git does, and takes nothing else for a repository: not a bare repository,
 * which a commit can bring as plain files, not what the environment names. Undefined when there is none.
 * @throws SourceError for a `.git` that leads elsewhere without a way back, or that belongs to another user
 */
export async function findRepository(directory: string): Promise<FoundRepository | undefined> {
  const start = await realpath(directory).catch(() => undefined);
  if (start === undefined) return undefined;
  for (let top = start; ; top = path.dirname(top)) {
    const found = await repositoryAt(top);
    if (found !== undefined) {
      await checkOwner(found, start);
      return found;
    }
    if (top === path.dirname(top)) return undefined;
  }
}

async function repositoryAt(top: string): Promise<FoundRepository | undefined> {
  const entry = path.join(top, '.git');
  const stats = await stat(entry).catch(() => undefined);
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) {
    const gitDirectory = await realpath(entry);
    if (!(await isGitDirectory(gitDirectory))) return undefined;
    // Otherwise the folder is a link.
    if (gitDirectory !== entry) await checkWayBack(entry, gitDirectory);
    return withCommon(top, gitDirectory);
  }
  const target = /^gitdir: (.+)$/.exec((await readSmallFile(entry)) ?? '')?.[1];
  const gitDirectory =
    target === undefined ? undefined : await realpath(path.resolve(top, target)).catch(() => undefined);
  if (gitDirectory === undefined || !(await hasFile(path.join(gitDirectory, 'HEAD'))))
    throw new SourceError(`${entry} is a file that names no Git directory`);
  await checkWayBack(entry, gitDirectory);
  return withCommon(top, gitDirectory);
}

/**
 * A `.git` file or link may come with an unpacked archive and name any repository of this machine, whose commits would
 * then be sent to the pod. So the repository must know of it: a linked worktree by the file `gitdir`, a submodule and
 * others by `core.worktree`.
 */
async function checkWayBack(entry: string, gitDirectory: string): Promise<void> {
  const top = path.dirname(entry);
  if (await leadsBack(gitDirectory, top)) return;
  throw new SourceError(`${entry} names ${gitDirectory}, which does not name ${top} as its working tree`, {
    hint: `for a worktree: git worktree repair; for a repository whose Git directory lies elsewhere: git --git-dir=${gitDirectory} config core.worktree ${top}`,
  });
}

async function leadsBack(gitDirectory: string, top: string): Promise<boolean> {
  const link = await readSmallFile(path.join(gitDirectory, 'gitdir'));
  if (link !== undefined) return isSame(path.resolve(gitDirectory, link), path.join(top, '.git'));
  const config = (await readSmallFile(path.join(gitDirectory, 'config'))) ?? '';
  const tree = /^\s*worktree\s*=\s*"?([^"\n]*?)"?\s*$/im.exec(config)?.[1];
  return tree !== undefined && isSame(path.resolve(gitDirectory, tree), top);
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((place) => realpath(place).catch(() => undefined)));
  return a !== undefined && a === b;
}

async function withCommon(top: string, gitDirectory: string): Promise<FoundRepository> {
  const common = await readSmallFile(path.join(gitDirectory, 'commondir'));
  const commonDirectory =
    common === undefined ? gitDirectory : await realpath(path.resolve(gitDirectory, common));
  return { top, gitDirectory, commonDirectory };
}

async function isGitDirectory(place: string): Promise<boolean> {
  const isFolder = async (name: string): Promise<boolean> =>
    (await stat(path.join(place, name)).catch(() => undefined))?.isDirectory() === true;
  const linked = await hasFile(path.join(place, 'commondir'));
  return (
    (await hasFile(path.join(place, 'HEAD'))) &&
    (linked || ((await isFolder('objects')) && (await isFolder('refs'))))
  );
}

/**
 * What Git's safe.directory is for, without its configuration: a repository that another user has put above the folder
 * (`/tmp/.git`) is not taken for ours. That of the folder's own owner is: naming the folder is trusting its owner, as
 * in a container whose user is another than the workspace's.
 */
async function checkOwner({ top, gitDirectory }: FoundRepository, start: string): Promise<void> {
  const [repository, folder] = await Promise.all([stat(gitDirectory), stat(start)]);
  const own = process.geteuid?.();
  if (own === undefined || repository.uid === own || repository.uid === folder.uid) return;
  throw new SourceError(
    `the repository ${top} belongs to another user (${String(repository.uid)}) than the folder ${start} in it (${String(folder.uid)})`,
    { hint: 'give both the same owner, or work in a clone of your own' },
  );
}

async function hasFile(place: string): Promise<boolean> {
  return (await stat(place).catch(() => undefined))?.isFile() === true;
}

/** The text of a small regular file without the line's end; undefined when it is not there or something else. */
export async function readSmallFile(place: string): Promise<string | undefined> {
  // Not to wait for a writer when it is a FIFO.
  const file = await open(place, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    if (!(await file.stat()).isFile()) return undefined;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(smallFile), 0, smallFile, 0);
    return buffer.toString('utf8', 0, bytesRead).replace(/\n$/, '');
  } finally {
    await file.close();
  }
}
