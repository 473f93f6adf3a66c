import type { CommandModule } from 'yargs';
import type { RunOutcome } from '../ports/events.ts';
import { clusterOptions } from './cluster-options.ts';
import { outputOptions, reporterOptions } from './run-options.ts';
import type { SetExitCode } from './set-exit-code.ts';
import { withCluster } from './with-cluster.ts';

/** `pipeline attach RUN` */
export function attachCommand(setExitCode: SetExitCode): CommandModule {
  return {
    command: 'attach <run>',
    describe: 'watch a run that another runner owns',
    builder: (yargs) =>
      outputOptions(clusterOptions(yargs)).positional('run', {
        type: 'string',
        demandOption: true,
        describe: 'the run’s id',
      }),
    handler: async (args) => {
      const outcome = await look(args, { once: false });
      if (outcome === undefined) return;
      const { exitCodeOfRun } = await import('../app/run-file.ts');
      setExitCode(exitCodeOfRun(outcome));
    },
  };
}

/** `pipeline logs RUN [STAGE]` */
export function logsCommand(): CommandModule {
  return {
    command: 'logs <run> [stage]',
    describe: 'print the logs of a run’s steps, while its agent pod exists',
    builder: (yargs) =>
      outputOptions(clusterOptions(yargs))
        .positional('run', { type: 'string', demandOption: true, describe: 'the run’s id' })
        .positional('stage', { type: 'string', describe: 'only this stage' })
        .option('follow', {
          alias: 'f',
          type: 'boolean',
          default: false,
          describe: 'follow until the run ends',
        }),
    handler: async (args) => {
      const stage = args['stage'];
      await look(args, { once: args['follow'] !== true, ...(typeof stage === 'string' ? { stage } : {}) });
    },
  };
}

async function look(
  args: Record<string, unknown>,
  what: { once: boolean; stage?: string },
): Promise<RunOutcome | undefined> {
  const [{ attach }, { createReporters }, { silentLogger }] = await Promise.all([
    import('../app/follow/attach.ts'),
    import('../app/reporters.ts'),
    import('../base/logger.ts'),
  ]);
  const reporters = await createReporters({
    ...reporterOptions(args),
    ...(what.once ? { format: textFormat(args) } : {}),
  });
  return withCluster(args, (connection, signal) =>
    attach({ connection, runId: String(args['run']), ...what, reporters, logger: silentLogger, signal }),
  );
}

/** Logs are for reading and piping: never a tree. */
function textFormat(args: Record<string, unknown>): 'plain' | 'json' {
  return args['output'] === 'json' ? 'json' : 'plain';
}
