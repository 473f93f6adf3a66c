import type { CommandModule } from 'yargs';
import { cancelCommand } from './cancel.ts';
import { gcCommand } from './gc.ts';
import { resumeCommand } from './resume.ts';
import { runCommand } from './run.ts';
import { runsCommand } from './runs.ts';
import { schemaCommand } from './schema.ts';
import { validateCommand } from './validate.ts';

/** Tells the exit code of a command that ended without an error. */
export type SetExitCode = (code: number) => void;

/** Every command, in the order of the help. Their handlers load what they need when they are called. */
export function commands(setExitCode: SetExitCode): CommandModule[] {
  return [
    runCommand(setExitCode),
    validateCommand(),
    schemaCommand(),
    runsCommand(),
    resumeCommand(setExitCode),
    cancelCommand(),
    gcCommand(),
  ];
}
