import type { Argv, CommandModule } from 'yargs';
import type { ReleaseTarget } from '../app/release-commands.ts';
import { formatDuration } from '../base/duration.ts';
import { exitCodes } from '../base/exit-code.ts';
import { clusterOptions } from './cluster-options.ts';
import type { SetExitCode } from './set-exit-code.ts';
import { age, table } from './table.ts';
import { withCluster } from './with-cluster.ts';
import { writeLine } from './write-line.ts';

/** `pipeline release status|history|rollback|resume|abort APPLICATION` */
export function releaseCommand(setExitCode: SetExitCode): CommandModule {
  return {
    command: 'release',
    describe: 'releases of an application: status, history, rollback, resume, abort',
    builder: (yargs) =>
      clusterOptions(yargs)
        .command(action('status', 'where it stands', (target, args) => status(target, args)))
        .command(action('history', 'its revisions, newest first', (target, args) => history(target, args)))
        .command(
          action(
            'rollback',
            'go back to an earlier revision',
            (target, args) => rollback(target, args, setExitCode),
            (more) =>
              more.option('to', { type: 'number', describe: 'the revision; default: the one before' }),
          ),
        )
        .command(
          action('resume', 'go on with a release whose runner died', (target) =>
            takeUp(target, 'continue', setExitCode),
          ),
        )
        .command(
          action('abort', 'turn a release back whose runner died', (target) =>
            takeUp(target, 'back', setExitCode),
          ),
        )
        .demandCommand(1, 'name one of status, history, rollback, resume, abort'),
    handler: () => undefined,
  };
}

function action(
  name: string,
  describe: string,
  act: (target: ReleaseTarget, args: Record<string, unknown>) => Promise<void>,
  options: (yargs: Argv) => Argv = (yargs) => yargs,
): CommandModule {
  return {
    command: `${name} <application>`,
    describe,
    builder: (yargs) =>
      options(yargs.positional('application', { type: 'string', demandOption: true }) as Argv).option(
        'output',
        {
          choices: ['text', 'json'] as const,
          default: 'text' as const,
        },
      ),
    handler: (args) =>
      withCluster(args, (connection, signal) =>
        act({ connection, application: String(args['application']), signal }, args),
      ),
  };
}

async function status(target: ReleaseTarget, args: Record<string, unknown>): Promise<void> {
  const { statusOfRelease } = await import('../app/release-commands.ts');
  const now = await statusOfRelease(target);
  if (args['output'] === 'json') return writeLine(process.stdout, JSON.stringify(now));
  const lines = [`${now.application} in ${now.namespace}`];
  if (now.stable !== undefined)
    lines.push(`serves: revision ${String(now.stable.number)}, ${images(now.stable.images)}`);
  if (now.current !== undefined) {
    const { entry } = now.current;
    lines.push(
      `goes on: revision ${String(entry.number)}, ${images(entry.images)}, driven by ${now.holder ?? 'nobody'}`,
    );
  }
  for (const { tracks } of now.workloads) {
    for (const track of tracks) {
      lines.push(
        `  ${track.name} ${track.workload}: ${String(track.ready)} of ${String(track.desired)} ready, ${String(track.weight)} % of traffic`,
      );
    }
  }
  await writeLine(process.stdout, lines.join('\n'));
}

async function history(target: ReleaseTarget, args: Record<string, unknown>): Promise<void> {
  const { historyOfRelease } = await import('../app/release-commands.ts');
  const now = Date.now();
  const revisions = await historyOfRelease(target);
  if (args['output'] === 'json') return writeLine(process.stdout, JSON.stringify(revisions));
  const rows = revisions.map((revision) => [
    String(revision.number),
    revision.rollbackOf === undefined
      ? revision.outcome
      : `${revision.outcome} (as ${String(revision.rollbackOf)})`,
    age(revision.startedAt, now),
    revision.finishedAt === undefined ? '' : formatDuration(revision.finishedAt - revision.startedAt),
    revision.who,
    images(revision.images),
  ]);
  await writeLine(process.stdout, table([['REVISION', 'OUTCOME', 'AGE', 'TOOK', 'BY', 'IMAGES'], ...rows]));
}

async function rollback(
  target: ReleaseTarget,
  args: Record<string, unknown>,
  setExitCode: SetExitCode,
): Promise<void> {
  const { goBack } = await import('../app/release-commands.ts');
  const to = args['to'];
  const result = await goBack({ ...target, ...(typeof to === 'number' ? { to } : {}) }, tell);
  if (result.outcome !== 'released' && result.outcome !== 'rolledBack') setExitCode(exitCodes.failure);
  if (result.reason !== undefined) await tell(result.reason);
}

async function takeUp(
  target: ReleaseTarget,
  direction: 'continue' | 'back',
  setExitCode: SetExitCode,
): Promise<void> {
  const commands = await import('../app/release-commands.ts');
  const result = await commands.takeUp({ ...target, direction }, tell);
  if (result === undefined) return tell(`no release of ${target.application} goes on`);
  if (result.outcome === 'rolledBack' && direction === 'continue') setExitCode(exitCodes.rolledBack);
  else if (result.outcome === 'failed' || result.outcome === 'halted') setExitCode(exitCodes.failure);
}

function tell(message: string): Promise<void> {
  return writeLine(process.stdout, message);
}

function images(byContainer: Readonly<Record<string, string>>): string {
  return Object.entries(byContainer)
    .map(
      ([container, image]) =>
        `${container}=${image.replace(/@sha256:([0-9a-f]{12})[0-9a-f]*/, '@sha256:$1')}`,
    )
    .join(' ');
}
