import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SourceError } from '../../ports/source-repository.ts';
import { readSmallFile, type FoundRepository } from './find-repository.ts';
import { GitError, runGit } from './git-command.ts';

/** A Git directory of our own that shows the commits of a repository that was found. */
export interface RepositoryView {
  /** What Git is pointed at. */
  gitDirectory: string;
  /** An empty folder beside it, for what is made of it. */
  scratch: string;
  found: FoundRepository;
  /** URL of `origin` as the repository's configuration has it; empty when there is none. */
  origin: string;
  objectFormat: string;
  /** Whether objects may be missing, because the repository fetches them when they are asked for. */
  partial: boolean;
  /** Removes it; the repository stays as it is. */
  close(): Promise<void>;
}

/** Settings that say how files and objects are to be read, each with the values that are taken over. */
const takenOver: Readonly<Record<string, RegExp>> = {
  'core.repositoryformatversion': /^[01]$/,
  'core.filemode': /^(true|false)$/i,
  'core.symlinks': /^(true|false)$/i,
  'core.ignorecase': /^(true|false)$/i,
  'core.precomposeunicode': /^(true|false)$/i,
  'core.autocrlf': /^(true|false|input)$/i,
  'core.eol': /^(lf|crlf|native)$/i,
  'core.sparsecheckout': /^(true|false)$/i,
  'core.sparsecheckoutcone': /^(true|false)$/i,
  'extensions.objectformat': /^sha(1|256)$/i,
  'extensions.refstorage': /^(files|reftable)$/i,
};

/** Extensions that change nothing of what is read here. An unknown one is refused, as Git does. */
const harmlessExtensions = new Set([
  'extensions.noop',
  'extensions.noop-v1',
  'extensions.partialclone',
  'extensions.preciousobjects',
  'extensions.relativeworktrees',
  'extensions.worktreeconfig',
]);

/**
 * Makes a Git directory whose configuration, hooks and attributes are ours, with links to the objects, refs and index of
 * the repository. So no setting of the repository can make Git run a program, be it one that this version of Slipway
 * has never heard of (docs/decisions/0040-git-reads-a-view.md). Close it in `finally`.
 * @throws SourceError for a repository of a form that is not known
 */
export async function openView(
  found: FoundRepository,
  { signal }: { signal: AbortSignal },
): Promise<RepositoryView> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-git-'));
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const [gitDirectory, scratch] = [path.join(folder, 'view'), path.join(folder, 'scratch')];
    await Promise.all([mkdir(path.join(gitDirectory, 'info'), { recursive: true }), mkdir(scratch)]);
    await writeFile(path.join(gitDirectory, 'HEAD'), `${await headOf(found)}\n`);
    await linkParts(found, gitDirectory);
    const settings = await readSettings(found, gitDirectory, signal);
    await writeFile(path.join(gitDirectory, 'config'), configuration(found, settings));
    return {
      ...{ gitDirectory, scratch, found, close },
      origin: settings.get('remote.origin.url') ?? '',
      objectFormat: settings.get('extensions.objectformat') ?? 'sha1',
      partial: settings.has('extensions.partialclone'),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function headOf({ gitDirectory, top }: FoundRepository): Promise<string> {
  const head = await readSmallFile(path.join(gitDirectory, 'HEAD'));
  if (head !== undefined && /^(ref: *refs\/\S+|[0-9a-f]{40,64})\s*$/.test(head)) return head.trim();
  throw new SourceError(`the Git working copy ${top} cannot be read: its HEAD names no ref and no commit`);
}

/** Links what holds data, and nothing that holds configuration or programs. */
async function linkParts(found: FoundRepository, view: string): Promise<void> {
  const { gitDirectory, commonDirectory } = found;
  const shared = (await readdir(gitDirectory)).filter((name) => /^sharedindex\.[0-9a-f]+$/.test(name));
  const parts = [
    ...['objects', 'refs', 'packed-refs', 'reftable', 'shallow', 'info/exclude'].map((name) => ({
      from: commonDirectory,
      name,
    })),
    ...['index', 'info/sparse-checkout', ...shared].map((name) => ({ from: gitDirectory, name })),
  ];
  for (const { from, name } of parts) {
    const target = path.join(from, name);
    if (await isThere(target)) await symlink(target, path.join(view, name));
  }
}

async function isThere(place: string): Promise<boolean> {
  const stats = await stat(place).catch(() => undefined);
  return stats?.isFile() === true || stats?.isDirectory() === true;
}

/** Reads the repository's configuration as a list of names and values: none of it is in force, nothing is included. */
async function readSettings(
  { commonDirectory, top }: FoundRepository,
  gitDirectory: string,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const file = path.join(commonDirectory, 'config');
  if (!(await isThere(file))) return new Map();
  const wanted = '^(core|extensions|remote\\.origin)\\.[^.]*$';
  const command = ['config', '--file', file, '--no-includes', '--null', '--get-regexp', wanted];
  try {
    const list = await runGit(command, { gitDirectory, signal });
    return new Map(list.split('\0').map((entry) => nameAndValue(entry)));
  } catch (error) {
    if (error instanceof GitError && error.exitCode === 1) return new Map();
    if (!(error instanceof GitError)) throw error;
    throw new SourceError(`the Git working copy ${top} cannot be read: ${error.message}`, { cause: error });
  }
}

/** `name\nvalue`, or the name alone, which means true. */
function nameAndValue(entry: string): [string, string] {
  const end = entry.indexOf('\n');
  return end < 0 ? [entry, 'true'] : [entry.slice(0, end), entry.slice(end + 1)];
}

function configuration(found: FoundRepository, settings: ReadonlyMap<string, string>): string {
  const lines = ['[core]', 'bare = false', '[uploadpack]', 'allowAnySHA1InWant = true'];
  for (const [name, value] of settings) {
    if (takenOver[name]?.test(value) === true) {
      const [section = '', key = ''] = name.split('.');
      lines.push(`[${section}]`, `${key} = ${value}`);
    } else if (name in takenOver || (name.startsWith('extensions.') && !harmlessExtensions.has(name))) {
      throw new SourceError(`the repository ${found.top} has ${name} = ${value}, which is not known here`);
    }
  }
  if (settings.get('extensions.refstorage') === 'reftable' && found.gitDirectory !== found.commonDirectory)
    throw new SourceError(`${found.top} is a linked worktree of a repository with reftable refs`, {
      hint: 'use the main working tree or a clone',
    });
  return `${lines.join('\n')}\n`;
}
