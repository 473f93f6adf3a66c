import type { Argv, CommandModule } from 'yargs';
import type { ReleaseStatus, ReleaseTarget, RolledBack } from '../app/release-commands.ts';
import { formatDuration } from '../base/duration.ts';
import { exitCodes } from '../base/exit-code.ts';
import { clusterOptions } from './cluster-options.ts';
import { endOfCommand, type EndingCommand } from './release-end.ts';
import type { SetExitCode } from './set-exit-code.ts';
import { age, table } from './table.ts';
import { images, statusText } from './status-text.ts';
import { watchStatus } from './watch-status.ts';
import { withCluster } from './with-cluster.ts';
import { writeJson, writeLine } from './write-line.ts';

/** What can be done with a release. */
export const releaseActions = [
  ...['status', 'history', 'promote', 'pause', 'resume', 'abort', 'detach', 'retry', 'rollback'],
] as const;

/** `pipeline release status|history|… APPLICATION` */
export function releaseCommand(setExitCode: SetExitCode): CommandModule {
  return {
    command: 'release',
    describe: `releases of an application: ${releaseActions.join(', ')}`,
    builder: (yargs) =>
      clusterOptions(yargs)
        .command([...reading(), ...answering(setExitCode), ...releasing(setExitCode)])
        .demandCommand(1, `name one of ${releaseActions.join(', ')}`),
    handler: () => undefined,
  };
}

/** Commands that look. */
function reading(): CommandModule[] {
  return [
    action(
      'status',
      'show its status',
      (target, args) => status(target, args),
      (more) =>
        more.option('watch', {
          alias: 'w',
          type: 'boolean',
          default: false,
          describe: 'show it again when it changes, until no release is in progress',
        }),
    ),
    action('history', 'list its revisions, newest first', (target, args) => history(target, args)),
  ];
}

/** Commands that speak to the release in progress. */
function answering(setExitCode: SetExitCode): CommandModule[] {
  return [
    action(
      'promote',
      'let a release that waits for a person continue',
      (target, args) => promote(target, args['full'] === true),
      (more) =>
        more.option('full', {
          type: 'boolean',
          default: false,
          describe: 'skip all pauses and analyses that are left',
        }),
    ),
    action('pause', 'let a release stand still at its next point of rest', (target) =>
      standStill('pause', target),
    ),
    action('resume', 'continue a release that is paused, or whose runner left it or died', (target) =>
      resume(target, 'continue', setExitCode),
    ),
    action('abort', 'roll back a release that is held, or whose runner died', (target) =>
      resume(target, 'back', setExitCode),
    ),
    action('detach', 'let the runner of a release leave it as soon as it waits', (target) =>
      standStill('detach', target),
    ),
  ];
}

/** Commands that release. */
function releasing(setExitCode: SetExitCode): CommandModule[] {
  return [
    action('retry', 'release the newest revision again, which was rolled back, halted or failed', (target) =>
      retry(target, setExitCode),
    ),
    action(
      'rollback',
      'roll back to an earlier revision',
      (target, args) => rollback(target, args, setExitCode),
      (more) => more.option('to', { type: 'number', describe: 'the revision; default: the one before' }),
    ),
  ];
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
  if (args['watch'] === true) return watchStatus(target, args);
  const { statusOfRelease } = await import('../app/release-commands.ts');
  const now = await statusOfRelease(target);
  if (args['output'] === 'json') return writeJson(process.stdout, now);
  await writeLine(process.stdout, statusText(now, target.connection.chosen).join('\n'));
}

async function history(target: ReleaseTarget, args: Record<string, unknown>): Promise<void> {
  const { historyOfRelease } = await import('../app/release-commands.ts');
  const now = Date.now();
  const revisions = await historyOfRelease(target);
  if (args['output'] === 'json') return writeJson(process.stdout, revisions);
  const rows = revisions.map((revision) => [
    String(revision.number),
    `${revision.outcome}${originText(revision)}`,
    age(revision.startedAt, now),
    revision.finishedAt === undefined ? '' : formatDuration(revision.finishedAt - revision.startedAt),
    revision.who,
    images(revision.images),
  ]);
  await writeLine(process.stdout, table([['REVISION', 'OUTCOME', 'AGE', 'TOOK', 'BY', 'IMAGES'], ...rows]));
}

/** Which revision it is again. */
function originText({ rollbackOf, sameAs, retryOf }: NonNullable<ReleaseStatus['last']>): string {
  const same = rollbackOf ?? sameAs;
  return [
    ...(same === undefined ? [] : [` (as ${String(same)})`]),
    ...(retryOf === undefined ? [] : [` (retry of ${String(retryOf)})`]),
  ].join('');
}

async function rollback(
  target: ReleaseTarget,
  args: Record<string, unknown>,
  setExitCode: SetExitCode,
): Promise<void> {
  const { rollBack } = await import('../app/release-commands.ts');
  const to = args['to'];
  const result = await rollBack({ ...target, ...(typeof to === 'number' ? { to } : {}) }, report);
  await tell('rollback', result, target, setExitCode);
}

async function promote(target: ReleaseTarget, full: boolean): Promise<void> {
  const commands = await import('../app/release-commands.ts');
  await commands.promote({ ...target, full }, report);
}

async function standStill(command: 'pause' | 'detach', target: ReleaseTarget): Promise<void> {
  const commands = await import('../app/pause-commands.ts');
  await commands[command](target, report);
}

async function retry(target: ReleaseTarget, setExitCode: SetExitCode): Promise<void> {
  const commands = await import('../app/release-commands.ts');
  await tell('retry', await commands.retry(target, report), target, setExitCode);
}

async function resume(
  target: ReleaseTarget,
  direction: 'continue' | 'back',
  setExitCode: SetExitCode,
): Promise<void> {
  const commands = await import('../app/release-commands.ts');
  const result = await commands.resume({ ...target, direction }, report);
  await tell(direction === 'back' ? 'abort' : 'resume', result, target, setExitCode);
}

/** Tells what became of a release, with the exit code for it. */
async function tell(
  command: EndingCommand,
  result: RolledBack,
  target: ReleaseTarget,
  setExitCode: SetExitCode,
): Promise<void> {
  const { placeOf } = await import('../app/release-commands.ts');
  const names = { application: target.application, place: placeOf(target) };
  const { exitCode, message } = endOfCommand(command, result, names);
  if (exitCode !== exitCodes.succeeded) setExitCode(exitCode);
  if (message !== undefined) await report(message);
}

function report(message: string): Promise<void> {
  return writeLine(process.stdout, message);
}
