import type { Readable, Writable } from 'node:stream';

/** How a process ended: an exit code as a shell sees it, and the signal that ended it. */
export interface ProcessEnd {
  exitCode: number;
  signal: number | undefined;
}

/** A started process with its output. */
export interface RunningProcess {
  /** The process as this machine numbers it. */
  pid: number;
  stdin: Writable | undefined;
  stdout: Readable;
  stderr: Readable;
  /** Resolves once after the process and all it started have ended. Never rejects. */
  ended: Promise<ProcessEnd>;
  /** TERM goes to the container's first process (or its group), KILL to everything in it. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** A command with its `resize`, which does something on a terminal only. */
export interface CommandProcess extends RunningProcess {
  resize(size: { width: number; height: number }): void;
}
