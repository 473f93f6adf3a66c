import type { CommandModule } from 'yargs';
import { cancelOnSignals } from './cancellation.ts';
import { clusterChoice } from './cluster-options.ts';
import type { SetExitCode } from './set-exit-code.ts';
import { parameterOption, parseNameValues } from './name-value.ts';
import { driveSettings, runOptions } from './run-options.ts';

/** `pipeline run FILE` */
export function runCommand(setExitCode: SetExitCode): CommandModule {
  return {
    command: 'run <file>',
    describe: 'run a pipeline',
    builder: (yargs) =>
      runOptions(yargs)
        .positional('file', { type: 'string', demandOption: true, describe: 'the pipeline file' })
        .option('param', parameterOption)
        .option('trigger', {
          type: 'string',
          array: true,
          nargs: 1,
          describe: 'what started the run, as name=value (ref, sha …); expressions read it as trigger.NAME',
        })
        .example('$0 run app.yaml -p target=staging', 'on the kubeconfig’s current context')
        .example('$0 run app.yaml --cluster sandbox', 'on this machine, without a cluster'),
    handler: async (args) => {
      const parameters = parseNameValues('--param', args['param']);
      const trigger = parseNameValues('--trigger', args['trigger']);
      const settings = driveSettings(args);
      const { runFile } = await import('../app/run-file.ts');
      const { signal, dispose } = cancelOnSignals();
      try {
        const file = String(args['file']);
        setExitCode(
          await runFile({ file, parameters, trigger, choice: clusterChoice(args), settings, signal }),
        );
      } finally {
        dispose();
      }
    },
  };
}
