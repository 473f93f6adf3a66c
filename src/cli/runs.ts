import type { CommandModule } from 'yargs';
import { formatDuration } from '../base/duration.ts';
import { clusterOptions } from './cluster-options.ts';
import { age, table } from './table.ts';
import { withCluster } from './with-cluster.ts';
import { writeJson, writeLine } from './write-line.ts';

/** `pipeline runs` */
export function runsCommand(): CommandModule {
  return {
    command: 'runs',
    describe: 'list the runs of a namespace, newest first',
    builder: (yargs) =>
      clusterOptions(yargs).option('output', {
        choices: ['text', 'json'] as const,
        default: 'text' as const,
      }),
    handler: async (args) => {
      const { listRuns } = await import('../app/runs.ts');
      const runs = await withCluster(args, (connection, signal) => listRuns(connection, signal));
      if (args['output'] === 'json') {
        for (const run of runs) await writeJson(process.stdout, run);
        return;
      }
      const now = Date.now();
      const rows = runs.map((run) => [
        run.runId,
        run.pipeline,
        run.state,
        run.stages.join(', '),
        age(run.createdAt, now),
        run.durationMs === undefined ? '' : formatDuration(run.durationMs),
        run.holder ?? '',
      ]);
      const heading = ['RUN', 'PIPELINE', 'STATE', 'STAGES', 'AGE', 'TOOK', 'OWNER'];
      await writeLine(process.stdout, rows.length === 0 ? 'no runs' : table([heading, ...rows]));
    },
  };
}
