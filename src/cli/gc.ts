import type { CommandModule } from 'yargs';
import { parseDuration } from '../base/duration.ts';
import { clusterOptions } from './cluster-options.ts';
import { withCluster } from './with-cluster.ts';
import { writeLine } from './write-line.ts';

/** `pipeline gc` */
export function gcCommand(): CommandModule {
  return {
    command: 'gc',
    describe: 'clean up after runs that ended or whose runner died',
    builder: (yargs) =>
      clusterOptions(yargs)
        .option('older-than', {
          type: 'string',
          default: '7d',
          describe: 'remove records of runs that ended longer ago than this',
        })
        .option('keep-runs', {
          type: 'boolean',
          default: false,
          describe: 'keep unfinished runs, so that `pipeline resume` can continue them',
        }),
    handler: async (args) => {
      const olderThanMs = parseDuration(String(args['olderThan']));
      const keepRuns = args['keepRuns'] === true;
      const { collectGarbage } = await import('../app/runs.ts');
      const { runs, objects } = await withCluster(args, (connection, signal) =>
        collectGarbage(connection, { olderThanMs, keepRuns, signal }),
      );
      for (const run of runs) await writeLine(process.stdout, `removed run ${run}`);
      for (const object of objects) await writeLine(process.stdout, `removed ${object}`);
      if (runs.length + objects.length === 0) await writeLine(process.stdout, 'nothing to remove');
    },
  };
}
