import type { CommandModule } from 'yargs';
import { cancelOnSignals } from './cancellation.ts';
import { clusterChoice } from './cluster-options.ts';
import type { SetExitCode } from './set-exit-code.ts';
import { driveSettings, runOptions } from './run-options.ts';

/** `pipeline resume RUN` */
export function resumeCommand(setExitCode: SetExitCode): CommandModule {
  return {
    command: 'resume <run>',
    describe: 'resume a run whose runner died, from any machine; follow it while another runner owns it',
    builder: (yargs) =>
      runOptions(yargs).positional('run', { type: 'string', demandOption: true, describe: 'the run’s id' }),
    handler: async (args) => {
      const settings = driveSettings(args);
      const { resumeRunById } = await import('../app/resume-run.ts');
      const { signal, dispose } = cancelOnSignals();
      try {
        setExitCode(
          await resumeRunById({ runId: String(args['run']), choice: clusterChoice(args), settings, signal }),
        );
      } finally {
        dispose();
      }
    },
  };
}
