import type { CommandModule } from 'yargs';
import { attachCommand, logsCommand } from './attach.ts';
import { cancelCommand } from './cancel.ts';
import { doctorCommand } from './doctor.ts';
import { gcCommand } from './gc.ts';
import { planCommand } from './plan.ts';
import { releaseActions, releaseCommand } from './release.ts';
import { resumeCommand } from './resume.ts';
import { runCommand } from './run.ts';
import { runsCommand } from './runs.ts';
import { sandboxActions, sandboxCommand } from './sandbox.ts';
import { schemaCommand } from './schema.ts';
import type { SetExitCode } from './set-exit-code.ts';
import { validateCommand } from './validate.ts';

/** The names that follow a command's own. */
export const actions: Readonly<Record<string, readonly string[]>> = {
  release: releaseActions,
  sandbox: sandboxActions,
};

/** Every command, in the order of the help. Their handlers load what they need when they are called. */
export function commands(setExitCode: SetExitCode): CommandModule[] {
  return [
    runCommand(setExitCode),
    validateCommand(),
    schemaCommand(),
    planCommand(setExitCode),
    doctorCommand(setExitCode),
    runsCommand(),
    attachCommand(setExitCode),
    logsCommand(),
    resumeCommand(setExitCode),
    cancelCommand(),
    gcCommand(),
    releaseCommand(setExitCode),
    sandboxCommand(),
  ];
}
