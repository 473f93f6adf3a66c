import { defined } from '../../base/defined.ts';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { CommandProcess, ProcessEnd, RunningProcess } from './running-process.ts';

/** After a process has ended, its output may be held open by something it left behind; so long is waited for the rest. */
const drainMs = 500;

/** A child of this process as a {@link RunningProcess}; it must lead a process group of its own (`detached`). */
export function processOf(child: ChildProcess): RunningProcess {
  const { stdin, stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new TypeError('the output of a container must be piped');
  child.stdin?.on('error', () => {
    // A process that does not read its input to the end is not at fault.
  });
  return {
    pid: child.pid ?? 0,
    stdin: stdin ?? undefined,
    stdout,
    stderr,
    ended: endOf(child),
    kill: (signal) => killProcess(-(child.pid ?? 0), signal),
  };
}

function endOf(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    let end: ProcessEnd = { exitCode: 128, signal: undefined };
    const finish = (): void => resolve(end);
    child.once('error', (error: NodeJS.ErrnoException) => {
      end = { exitCode: error.code === 'EACCES' ? 126 : 127, signal: undefined };
      finish();
    });
    child.once('exit', (code, signal) => {
      end = exitOf(code, signal);
      setTimeout(finish, drainMs).unref();
    });
    child.once('close', finish);
  });
}

/** The exit code as a shell gives it: 128 and the signal's number for a process that a signal ended. */
export function exitOf(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
  const number = signal === null ? undefined : constants.signals[signal];
  return { exitCode: code ?? 128 + (number ?? 0), signal: number };
}

/** Signals a process, or with a negative id its group; one that has ended already is no error. */
export function killProcess(pid: number, signal: NodeJS.Signals): void {
  if (pid === 0 || Number.isNaN(pid)) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Reads a stream line by line, on demand; the empty string when it has ended. `done` stops reading it. */
export function firstLine(stream: Readable): { next(): Promise<string>; done(): void } {
  let text = '';
  let ended = false;
  let wake: () => void = () => undefined;
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
    wake();
  });
  const end = (): void => {
    ended = true;
    wake();
  };
  stream.once('end', end).once('error', end).once('close', end);

  async function next(): Promise<string> {
    while (!text.includes('\n') && !ended) await new Promise<void>((resolve) => (wake = resolve));
    const at = text.includes('\n') ? text.indexOf('\n') : text.length;
    const line = text.slice(0, at);
    text = text.slice(at + 1);
    return line;
  }

  return { next, done: () => stream.destroy() };
}

/** How {@link runCommand} runs a command. */
export interface CommandOptions {
  stdin: boolean;
  tty: boolean;
  environment: Record<string, string>;
  /** Path of util-linux `script`, which makes the terminal; without it a terminal is asked for in vain. */
  script: string | undefined;
  workingDir?: string;
}

/** Runs a command in a process group of its own, on a terminal where one is asked for and can be had. */
export function runCommand(command: readonly string[], options: CommandOptions): CommandProcess {
  const { stdin, tty, environment, script, workingDir } = options;
  const common = {
    env: environment,
    detached: true,
    ...defined({ cwd: workingDir }),
  };
  if (!tty || script === undefined) {
    const [file = '', ...rest] = command;
    const child = spawn(file, rest, { ...common, stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
    return { ...processOf(child), resize: () => undefined };
  }
  // `script` makes the pseudo-terminal; the shell in it tells its name, for resizing, before it becomes the command.
  const inner = `tty >&3; exec 3>&-; exec ${shellQuoted(command)}`;
  const child = spawn(script, ['--quiet', '--return', '--flush', '--command', inner, '/dev/null'], {
    ...common,
    env: { ...environment, SHELL: '/bin/sh', TERM: environment['TERM'] ?? 'xterm' },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const name = firstLine(child.stdio[3] as Readable).next();
  const resize = ({ width, height }: { width: number; height: number }): void => {
    void name.then((terminal) => {
      const size = ['-F', terminal, 'rows', String(height), 'cols', String(width)];
      if (terminal.startsWith('/dev/')) spawn('stty', size, { stdio: 'ignore' }).on('error', () => undefined);
    });
  };
  return { ...processOf(child), resize };
}

/** Words as a shell reads them. */
export function shellQuoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}
