import { defined } from './defined.ts';

/**
 * Whose fault an error is; it decides the exit code (docs/exit-codes.md).
 * - `input`: the file or the arguments are invalid; nothing was changed.
 * - `failure`: the user's own work failed (a script, a test, a verification).
 * - `infrastructure`: the cluster, a registry or the network failed; a retry may help.
 * - `aborted`: somebody cancelled or refused.
 * - `rolledBack`: a release failed and was rolled back.
 * - `interrupted`: the process was told to stop by a signal.
 * - `internal`: a fault of Slipway's own.
 */
export type Fault =
  'input' | 'failure' | 'infrastructure' | 'aborted' | 'rolledBack' | 'interrupted' | 'internal';

/** Options of every {@link SlipwayError}. */
export interface SlipwayErrorOptions {
  /** What the user can do about it, one sentence. */
  hint?: string;
  /** The error that led to this one; shown with `--debug`. */
  cause?: unknown;
}

/**
 * The base of every error that Slipway throws on purpose. The message says what happened and to what;
 * the hint says what to do. A stable `code` lets machines tell errors apart.
 */
export abstract class SlipwayError extends Error {
  abstract readonly code: string;
  abstract readonly fault: Fault;
  readonly hint: string | undefined;

  constructor(message: string, options: SlipwayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
  }

  /** The error as data, for `--output json`; holds no stack trace. */
  toJSON(): { code: string; fault: Fault; message: string; hint?: string } {
    return {
      code: this.code,
      fault: this.fault,
      message: this.message,
      ...defined({ hint: this.hint }),
    };
  }
}

/** The file or the arguments are invalid. Nothing has been changed when it is thrown. */
export class InputError extends SlipwayError {
  readonly code: string = 'input';
  readonly fault = 'input';
}

/** A fault of Slipway's own: a state that the code holds to be impossible. */
export class InternalError extends SlipwayError {
  readonly code = 'internal';
  readonly fault = 'internal';
}

/** The work was cancelled: by a signal to the process, by `pipeline cancel`, or as the rest of a failed run. */
export class CancelledError extends SlipwayError {
  readonly code = 'cancelled';
  readonly fault: Fault;

  constructor(
    message = 'cancelled',
    options: SlipwayErrorOptions & { fault?: 'aborted' | 'interrupted' } = {},
  ) {
    super(message, options);
    this.fault = options.fault ?? 'aborted';
  }
}

/** Something did not happen within its time. `what` names it, `afterMs` is the limit in milliseconds. */
export class DeadlineError extends SlipwayError {
  readonly code = 'deadline';
  readonly fault = 'failure';
  readonly afterMs: number;

  constructor(what: string, afterMs: number, options: SlipwayErrorOptions = {}) {
    super(`${what} took longer than ${String(Math.round(afterMs / 1000))} s`, options);
    this.afterMs = afterMs;
  }
}

/** The message of anything thrown, for people: never a stack trace. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
