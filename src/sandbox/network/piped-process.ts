import type { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** A child process that is written to and read from. */
export type PipedProcess = ReturnType<typeof spawn> & { stdin: Writable; stdout: Readable };
