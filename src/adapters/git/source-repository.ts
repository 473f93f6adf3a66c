import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { simpleGit, type SimpleGit } from 'simple-git';
import { pack as packTar } from 'tar-fs';
import { messageOf } from '../../base/errors.ts';
import {
  SourceError,
  type Commit,
  type PackedCommit,
  type SourceRepository,
  type WorkingCopy,
} from '../../ports/source-repository.ts';

/** Milliseconds without a byte from git after which it is ended. */
const silenceMs = 60_000;

/** Git on the runner's own machine, by the `git` command. */
export function createSourceRepository(): SourceRepository {
  return { workingCopy, pack, changedFiles };
}

function gitIn(directory: string, signal: AbortSignal): SimpleGit {
  return simpleGit({ baseDir: directory, abort: signal, timeout: { block: silenceMs }, trimmed: true });
}

async function workingCopy(
  directory: string,
  options: { signal: AbortSignal },
): Promise<WorkingCopy | undefined> {
  const git = gitIn(directory, options.signal);
  if (!(await git.checkIsRepo().catch(() => false))) return undefined;
  try {
    const top = await git.revparse(['--show-toplevel']);
    const [commit, status, remotes] = await Promise.all([
      commitOf(git, 'HEAD'),
      git.status(),
      git.getRemotes(true),
    ]);
    const origin = remotes.find((remote) => remote.name === 'origin')?.refs.fetch ?? '';
    return {
      ...commit,
      branch: status.detached ? '' : (status.current ?? ''),
      directory: top,
      origin: withoutCredentials(origin),
      uncommitted: status.files.length,
    };
  } catch (error) {
    options.signal.throwIfAborted();
    throw new SourceError(
      `the Git working copy ${directory} cannot be read: ${firstLine(messageOf(error))}`,
      {
        hint: 'make a first commit, or check the repository with `git status`',
        cause: error,
      },
    );
  }
}

async function commitOf(git: SimpleGit, ref: string): Promise<Omit<Commit, 'branch'>> {
  const [shown, tags] = await Promise.all([
    git.raw(['log', '-1', '--format=%H%n%an <%ae>%n%s', ref, '--']),
    git.raw(['tag', '--points-at', ref]),
  ]);
  const [sha = '', author = '', message = ''] = shown.split('\n');
  return { sha, author, message, tag: tags.split('\n')[0] ?? '' };
}

async function pack(
  request: { directory: string; ref: string; depth: number },
  options: { signal: AbortSignal },
): Promise<PackedCommit> {
  const { directory, ref, depth } = request;
  checkRef(ref);
  const git = gitIn(directory, options.signal);
  let commit: Commit;
  try {
    const branch = await git.raw(['rev-parse', '--abbrev-ref', ref]).catch(() => '');
    commit = { ...(await commitOf(git, ref)), branch: branch === 'HEAD' ? '' : branch };
  } catch (error) {
    options.signal.throwIfAborted();
    throw new SourceError(`${directory} has no commit "${ref}": ${firstLine(messageOf(error))}`, {
      cause: error,
    });
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-source-'));
  try {
    const bare = gitIn(folder, options.signal);
    await bare.init(true);
    const depthOption = depth > 0 ? [`--depth=${String(depth)}`] : [];
    await bare.raw([
      'fetch',
      '--quiet',
      '--no-tags',
      ...depthOption,
      pathToFileURL(directory).href,
      `${commit.sha}:refs/slipway/commit`,
    ]);
    return { commit, tar: packed(folder), dispose: () => rm(folder, { recursive: true, force: true }) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    options.signal.throwIfAborted();
    throw new SourceError(
      `commit ${commit.sha} of ${directory} cannot be packed: ${firstLine(messageOf(error))}`,
      {
        cause: error,
      },
    );
  }
}

async function changedFiles(
  request: { directory: string; from: string; to: string },
  options: { signal: AbortSignal },
): Promise<string[]> {
  const { directory, from, to } = request;
  for (const ref of [from, to]) checkRef(ref);
  try {
    const names = await gitIn(directory, options.signal).raw(['diff', '--name-only', '-z', from, to, '--']);
    return names.split('\0').filter((name) => name !== '');
  } catch (error) {
    options.signal.throwIfAborted();
    throw new SourceError(
      `changes from ${from} to ${to} in ${directory} cannot be read: ${firstLine(messageOf(error))}`,
      {
        cause: error,
      },
    );
  }
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

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}
