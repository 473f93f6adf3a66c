import { SlipwayError, type Fault } from './errors.ts';

/** The exit codes of the CLI, a contract with the Jenkinsfiles that call it (docs/exit-codes.md). */
export const exitCodes = {
  succeeded: 0,
  failure: 1,
  input: 2,
  infrastructure: 3,
  aborted: 4,
  rolledBack: 5,
  detached: 6,
  internal: 70,
  interrupted: 130,
} as const satisfies Record<Fault | 'succeeded' | 'detached', number>;

/** The exit code for whatever was thrown; an error of no known class is a bug of ours. */
export function exitCodeOf(error: unknown): number {
  return error instanceof SlipwayError ? exitCodes[error.fault] : exitCodes.internal;
}
