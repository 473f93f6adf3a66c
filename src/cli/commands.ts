import type { CommandModule } from 'yargs';
import { validateCommand } from './validate.ts';
import { schemaCommand } from './schema.ts';

/** Tells the exit code of a command that ended without an error. */
export type SetExitCode = (code: number) => void;

/** Every command, in the order of the help. Their handlers load what they need when they are called. */
export function commands(_setExitCode: SetExitCode): CommandModule[] {
  return [validateCommand(), schemaCommand()];
}
