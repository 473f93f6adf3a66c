import { PassThrough, pipeline, type Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { pack as packTar } from 'tar-fs';
import { messageOf } from '../../base/errors.ts';
import {
  SourceError,
  type Commit,
  type PackedCommit,
  type SourceRepository,
  type WorkingCopy,
} from '../../ports/source-repository.ts';
import { findRepository } from './find-repository.ts';
import { GitError, runGit } from './git-command.ts';
import { openView, type RepositoryView } from './repository-view.ts';

/**
 * Git on the runner's own machine, by the `git` command. Nothing that a repository, its files or the user's
 * configuration holds makes Git run a program or changes what it answers (docs/security.md).
 */
export function createSourceRepository(): SourceRepository {
  return { workingCopy, pack, changedFiles };
}

interface Options {
  signal: AbortSignal;
}

async function workingCopy(directory: string, options: Options): Promise<WorkingCopy | undefined> {
  const found = await findRepository(directory);
  if (found === undefined) return undefined;
  const view = await openView(found, options);
  try {
    const [commit, branch, uncommitted] = await Promise.all([
      commitOf(view, 'HEAD', options),
      branchOf(view, 'HEAD', options),
      countUncommitted(view, options),
    ]);
    return {
      ...commit,
      branch,
      directory: found.top,
      origin: withoutCredentials(view.origin),
      uncommitted,
    };
  } catch (error) {
    throw sourceError(error, `the Git working copy ${directory} cannot be read`, {
      hint: 'make a first commit, or check the repository with `git status`',
    });
  } finally {
    await view.close();
  }
}

async function commitOf(
  view: RepositoryView,
  ref: string,
  { signal }: Options,
): Promise<Omit<Commit, 'branch'>> {
  const call = { gitDirectory: view.gitDirectory, signal };
  const [shown, tags] = await Promise.all([
    runGit(['log', '-1', '--format=%H%n%an <%ae>%n%s', ref, '--'], call),
    runGit(
      ['for-each-ref', '--count=1', `--points-at=${ref}`, '--format=%(refname:lstrip=2)', 'refs/tags'],
      call,
    ),
  ]);
  const [sha = '', author = '', message = ''] = shown.split('\n');
  return { sha, author, message, tag: tags.split('\n')[0] ?? '' };
}

/** The branch that a ref names; empty for a tag, a commit and a detached HEAD. */
async function branchOf(view: RepositoryView, ref: string, { signal }: Options): Promise<string> {
  const call = { gitDirectory: view.gitDirectory, signal };
  const full = (await runGit(['rev-parse', '--symbolic-full-name', ref, '--'], call)).split('\n')[0] ?? '';
  return full.startsWith('refs/heads/') ? full.slice('refs/heads/'.length) : '';
}

/** Counts as the output comes: there may be very many new files. Renamed files count twice, changes inside submodules not. */
async function countUncommitted(view: RepositoryView, { signal }: Options): Promise<number> {
  let count = 0;
  const onOutput = (chunk: Buffer): void => {
    for (const byte of chunk) if (byte === 0) count += 1;
  };
  await runGit(
    ['status', '--porcelain', '-z', '--untracked-files=all', '--no-renames', '--ignore-submodules=dirty'],
    { gitDirectory: view.gitDirectory, workTree: view.found.top, signal, onOutput },
  );
  return count;
}

async function pack(
  request: Parameters<SourceRepository['pack']>[0],
  options: Options,
): Promise<PackedCommit> {
  const { directory, ref, depth, tags = false } = request;
  checkRef(ref);
  const view = await viewOf(directory, options);
  try {
    const commit = await namedCommit(view, ref, options);
    const folder = await fetchCommit(view, { sha: commit.sha, depth, tags }, options);
    return { commit, open: () => packed(folder), dispose: () => view.close() };
  } catch (error) {
    await view.close();
    throw error;
  }
}

async function viewOf(directory: string, options: Options): Promise<RepositoryView> {
  const found = await findRepository(directory);
  if (found === undefined) throw new SourceError(`${directory} is not a Git working copy`);
  return openView(found, options);
}

async function namedCommit(view: RepositoryView, ref: string, options: Options): Promise<Commit> {
  try {
    const [commit, branch] = await Promise.all([
      commitOf(view, ref, options),
      branchOf(view, ref, options).catch(() => ''),
    ]);
    return { ...commit, branch };
  } catch (error) {
    throw sourceError(error, `${view.found.top} has no commit "${ref}"`);
  }
}

/** Makes a bare repository of the one commit, and the tags, in the view's scratch folder, from the view: no foreign configuration is read. */
async function fetchCommit(
  view: RepositoryView,
  { sha, depth, tags }: { sha: string; depth: number; tags: boolean },
  { signal }: Options,
): Promise<string> {
  const call = { gitDirectory: view.scratch, signal };
  const format = view.objectFormat === 'sha1' ? [] : [`--object-format=${view.objectFormat}`];
  try {
    await runGit(['init', '--quiet', '--bare', '--template=', ...format], call);
    await runGit(
      [
        // Progress tells a long transfer from one that hangs.
        ...['fetch', '--progress', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'],
        depth > 0 ? `--depth=${String(depth)}` : '--update-shallow',
        ...[pathToFileURL(view.gitDirectory).href, `${sha}:refs/slipway/commit`],
        ...(tags ? ['+refs/tags/*:refs/tags/*'] : []),
      ],
      call,
    );
    return view.scratch;
  } catch (error) {
    throw sourceError(
      error,
      `commit ${sha} of ${view.found.top} cannot be packed`,
      view.partial
        ? {
            hint: 'it is a partial clone, where files are missing: get them by `git fetch --refetch --no-filter`',
          }
        : {},
    );
  }
}

async function changedFiles(
  request: { directory: string; from: string; to: string },
  options: Options,
): Promise<string[]> {
  const { directory, from, to } = request;
  for (const ref of [from, to]) checkRef(ref);
  const view = await viewOf(directory, options);
  try {
    const names = await runGit(
      ['diff', '--name-only', '--no-ext-diff', '--no-textconv', '--no-renames', '-z', from, to, '--'],
      { gitDirectory: view.gitDirectory, signal: options.signal },
    );
    return names.split('\0').filter((name) => name !== '');
  } catch (error) {
    throw sourceError(error, `changes from ${from} to ${to} in ${directory} cannot be read`);
  } finally {
    await view.close();
  }
}

/** What is thrown for an error: Git's own as a SourceError, all others (the signal's reason, too) as they are. */
function sourceError(error: unknown, what: string, options: { hint?: string } = {}): unknown {
  if (!(error instanceof GitError)) return error;
  return new SourceError(`${what}: ${messageOf(error)}`, { ...options, cause: error });
}

/** The folder as a tar stream; a reading error comes out of the stream that is returned. */
function packed(folder: string): Readable {
  const tar = new PassThrough();
  pipeline(packTar(folder), tar, () => undefined); // pipeline destroys `tar` with the error: its reader sees it
  return tar;
}

/** A ref that begins with `-` would be read as an option by git. */
function checkRef(ref: string): void {
  if (ref.startsWith('-') || ref === '') throw new SourceError(`"${ref}" is not a Git ref`);
}

function withoutCredentials(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/@]*@/, '$1');
}
