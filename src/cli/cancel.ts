import type { CommandModule } from 'yargs';
import { clusterOptions } from './cluster-options.ts';
import { withCluster } from './with-cluster.ts';
import { writeLine } from './write-line.ts';

/** `pipeline cancel RUN` */
export function cancelCommand(): CommandModule {
  return {
    command: 'cancel <run>',
    describe: 'cancel a run; its finally stages run and its pod is deleted',
    builder: (yargs) =>
      clusterOptions(yargs).positional('run', {
        type: 'string',
        demandOption: true,
        describe: 'the run’s id',
      }),
    handler: async (args) => {
      const { cancelRun } = await import('../app/runs.ts');
      const runId = String(args['run']);
      const asked = await withCluster(args, (connection, signal) => cancelRun(connection, runId, signal));
      await writeLine(process.stdout, asked ? `cancelling run ${runId}` : `run ${runId} has already ended`);
    },
  };
}
