import { defined } from '../base/defined.ts';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, rmSync, closeSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeadlineError, InputError, SlipwayError } from '../base/errors.ts';
import { entryFile } from '../base/entry-file.ts';
import type { Running } from './running.ts';
import { readRunning } from './running.ts';
import type { StartMessage } from './start.ts';

const startDeadlineMs = 30_000;
/** Pods get their grace period first. */
const stopDeadlineMs = 45_000;

/** Which sandbox: the folder of its state. */
export interface SandboxFolder {
  folder: string;
}

/** What {@link status} tells. */
export type SandboxStatus =
  | ({ state: 'running'; kubeconfig: string } & Running & SandboxFolder)
  | ({ state: 'stopped' } & SandboxFolder);

/** The sandbox could not be started; its log says more. */
export class SandboxStartError extends SlipwayError {
  readonly code = 'sandbox-start';
  readonly fault = 'infrastructure';
}

/** Where the state lives unless another folder is named: `$XDG_STATE_HOME/slipway/sandbox`. */
export function defaultSandboxFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const given = environment['XDG_STATE_HOME'] ?? '';
  return join(given === '' ? join(homedir(), '.local', 'state') : given, 'slipway', 'sandbox');
}

/** The kubeconfig of the sandbox in `folder`; the file is there once it was started. */
export function kubeconfigPath({ folder }: SandboxFolder): string {
  return join(folder, 'kubeconfig');
}

/** The log of the sandbox's process. */
export function logPath({ folder }: SandboxFolder): string {
  return join(folder, 'sandbox.log');
}

/** Whether a sandbox runs with this folder. */
export function status({ folder }: SandboxFolder): SandboxStatus {
  const running = readRunning(folder);
  if (running === undefined) return { state: 'stopped', folder };
  return { state: 'running', folder, kubeconfig: kubeconfigPath({ folder }), ...running };
}

/** Resolves with the first message of the child, or with how it ended without one. */
function firstMessage(child: ReturnType<typeof spawn>): Promise<StartMessage> {
  return new Promise((resolve) => {
    child.once('message', (message) => {
      resolve(message as StartMessage);
    });
    child.once('error', (error) => {
      resolve({ ready: false, message: error.message });
    });
    child.once('exit', (code, signal) => {
      resolve({ ready: false, message: `its process ended with ${signal ?? `exit code ${String(code)}`}` });
    });
  });
}

/**
 * Starts the sandbox of `folder` as a process that outlives this one, and waits until it answers; does nothing when
 * one runs already.
 * @throws SandboxStartError, DeadlineError after 30 s.
 */
export async function startDetached(
  options: SandboxFolder & { strictImages?: boolean; isolation?: 'auto' | 'none'; signal?: AbortSignal },
): Promise<SandboxStatus & { state: 'running' }> {
  const { folder, signal, ...rest } = options;
  const before = status({ folder });
  if (before.state === 'running') return before;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const log = openSync(logPath({ folder }), 'a', 0o600);
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', entryFile('sandbox/start'), folder, JSON.stringify(rest)],
    { detached: true, stdio: ['ignore', log, log, 'ipc'], cwd: folder },
  );
  closeSync(log);
  const deadline = AbortSignal.timeout(startDeadlineMs);
  const given = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const kill = (): void => void child.kill('SIGKILL');
  given.addEventListener('abort', kill, { once: true });
  const message = await firstMessage(child);
  given.removeEventListener('abort', kill);
  child.removeAllListeners();
  if (child.connected) child.disconnect();
  child.unref();
  signal?.throwIfAborted();
  if (deadline.aborted) throw new DeadlineError('the start of the sandbox', startDeadlineMs);
  if (!message.ready) {
    throw new SandboxStartError(`the sandbox did not start: ${message.message}`, {
      hint: message.hint ?? `Its log is ${logPath({ folder })}.`,
    });
  }
  const now = status({ folder });
  if (now.state === 'running') return now;
  throw new SandboxStartError('the sandbox ended right after its start', {
    hint: `Its log is ${logPath({ folder })}.`,
  });
}

/**
 * Ends the sandbox with all its pods' processes; its state stays. Returns false when none runs.
 * It is killed when it has not ended after 45 s.
 */
export async function stop({ folder, signal }: SandboxFolder & { signal?: AbortSignal }): Promise<boolean> {
  const running = readRunning(folder);
  if (running === undefined) return false;
  process.kill(running.pid, 'SIGTERM');
  const deadline = Date.now() + stopDeadlineMs;
  while (readRunning(folder) !== undefined) {
    if (Date.now() > deadline) process.kill(running.pid, 'SIGKILL');
    await sleep(20, undefined, signal === undefined ? {} : { signal });
  }
  return true;
}

/** What a state folder may be known by, so that `reset` removes no other one. */
const marks = ['objects.db', 'credentials.json', 'sandbox.log'];

/**
 * Ends the sandbox and removes its state.
 * @throws InputError when `folder` is not a sandbox's.
 */
export async function reset({ folder, signal }: SandboxFolder & { signal?: AbortSignal }): Promise<void> {
  if (!existsSync(folder)) return;
  const content = readdirSync(folder);
  if (content.length > 0 && !marks.some((mark) => content.includes(mark))) {
    throw new InputError(`${folder} is not the state folder of a sandbox`, {
      hint: 'Name the folder that the sandbox was started with.',
    });
  }
  await stop({ folder, ...defined({ signal }) });
  rmSync(folder, { recursive: true, force: true });
}
