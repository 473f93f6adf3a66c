import { defined } from '../../base/defined.ts';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import path from 'node:path';
import type { Readable } from 'node:stream';

/** Milliseconds without a byte from Git after which it is ended. */
const silenceMs = 60_000;
/** Bytes of output that are kept; a command that writes more fails. */
const outputLimit = 64 * 1024 * 1024;
/** Characters of the error output that are kept. */
const errorTail = 16 * 1024;

/** Git ended with an error. Stays in this adapter: callers wrap it in a SourceError. */
export class GitError extends Error {
  readonly exitCode: number | undefined;
  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GitError';
    this.exitCode = options.exitCode;
  }
}

/** One call of Git. */
export interface GitCall {
  /** Absolute: a Git directory that Slipway made. Never one that it found. */
  gitDirectory: string;
  /** Absolute: the folder of files that the command compares with; missing: the command needs none. */
  workTree?: string;
  signal: AbortSignal;
  /** Reads the output as it comes; then nothing is returned. */
  onOutput?: (chunk: Buffer) => void;
}

/**
 * Configuration that no file may override. What can run a program is first of all not there to be read (see
 * `environment` and repository-view.ts); this stands before it once more.
 */
const settings = [
  'safe.bareRepository=explicit',
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.alternateRefsCommand=',
  'core.askPass=',
  'core.editor=:',
  'core.pager=cat',
  'core.sshCommand=false',
  'credential.helper=',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
].flatMap((setting) => ['-c', setting]);

/**
 * Runs the one program that the runner starts on its own machine, and gives what it wrote. This is the only place that
 * does; `npm run check:imports` sees to it. Git gets an environment, a home and configuration of ours alone, and is told
 * its repository, so that it looks for none.
 * @throws GitError; the signal's reason when it is aborted
 */
export async function runGit(args: readonly string[], call: GitCall): Promise<string> {
  const { gitDirectory, workTree, signal } = call;
  signal.throwIfAborted();
  const places = [
    `--git-dir=${gitDirectory}`,
    ...(workTree === undefined ? [] : [`--work-tree=${workTree}`]),
  ];
  const child = spawn('git', ['--no-pager', ...settings, ...places, ...args], {
    cwd: gitDirectory,
    env: environment(gitDirectory),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  const kept = { limit: outputLimit, onOutput: (chunk: Buffer) => void output.push(chunk) };
  const read = call.onOutput === undefined ? kept : { limit: Infinity, onOutput: call.onOutput };
  await ended(child, { name: args[0] ?? '', signal, ...read });
  return Buffer.concat(output).toString('utf8');
}

interface Watched {
  name: string;
  signal: AbortSignal;
  /** Bytes of output. */
  limit: number;
  onOutput: (chunk: Buffer) => void;
}

type GitProcess = ChildProcessByStdio<null, Readable, Readable>;

/** Waits for the end of Git, and ends it when it is silent for too long, writes too much or is not wanted any more. */
async function ended(child: GitProcess, { name, signal, limit, onOutput }: Watched): Promise<void> {
  let bytes = 0;
  let errors = '';
  let stopped: GitError | undefined;
  const stop = (reason?: GitError): void => {
    stopped ??= reason;
    child.kill('SIGKILL');
  };
  const abort = (): void => stop();
  const silence = setTimeout(
    () => stop(new GitError(`git ${name} wrote nothing for ${String(silenceMs / 1000)} s`)),
    silenceMs,
  );
  signal.addEventListener('abort', abort);
  child.stdout.on('data', (chunk: Buffer) => {
    silence.refresh();
    bytes += chunk.length;
    if (bytes > limit) stop(new GitError(`git ${name} wrote more than ${String(limit)} bytes`));
    else onOutput(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    silence.refresh();
    errors = (errors + text).slice(-errorTail);
  });
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new GitError('the command git cannot be run: is it installed?', { cause: error })),
      );
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    if (stopped !== undefined) throw stopped;
    if (exitCode !== 0) {
      throw new GitError(lastError(errors) ?? `git ${name} ended with exit code ${String(exitCode)}`, {
        ...(exitCode === null ? {} : { exitCode }),
      });
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', abort);
  }
}

/** The line that says why, without the lines of advice and progress around it. */
function lastError(text: string): string | undefined {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  return lines.find((line) => /^(fatal|error): /.test(line)) ?? lines.at(-1);
}

/**
 * All that Git is told of this process's environment is where programs are: no GIT_DIR, no configuration of the user or
 * the machine, no home, no locale. Git before 2.32 knows no GIT_CONFIG_GLOBAL: there the empty home does it.
 */
function environment(home: string): NodeJS.ProcessEnv {
  const { PATH = '', LD_LIBRARY_PATH, TMPDIR } = process.env;
  return {
    // A relative entry would name a folder of whatever directory Git happens to be in.
    PATH: PATH.split(path.delimiter)
      .filter((entry) => path.isAbsolute(entry))
      .join(path.delimiter),
    ...defined({ LD_LIBRARY_PATH, TMPDIR }),
    HOME: path.join(home, 'no-home'),
    XDG_CONFIG_HOME: path.join(home, 'no-home'),
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: 'file',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_ASKPASS: 'false',
    SSH_ASKPASS: 'false',
    GIT_SSH_COMMAND: 'false',
    GIT_EDITOR: ':',
    GIT_SEQUENCE_EDITOR: ':',
    GIT_PAGER: 'cat',
  };
}
