import type { CommandModule } from 'yargs';
import { runCommand } from './run.ts';
import { schemaCommand } from './schema.ts';
import { validateCommand } from './validate.ts';

/** Tells the exit code of a command that ended without an error. */
export type SetExitCode = (code: number) => void;

/** Every command, in the order of the help. Their handlers load what they need when they are called. */
export function commands(setExitCode: SetExitCode): CommandModule[] {
  return [runCommand(setExitCode), validateCommand(), schemaCommand()];
}
