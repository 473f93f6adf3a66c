import type { Connection } from '../../../../src/app/connection.ts';
import {
  historyOfRelease,
  promote,
  resume,
  retry,
  rollBack,
  statusOfRelease,
  type ReleaseTarget,
} from '../../../../src/app/release-commands.ts';
import { detach, pause } from '../../../../src/app/pause-commands.ts';
import { SlipwayError } from '../../../../src/base/errors.ts';
import { exitCodeOf, exitCodes } from '../../../../src/base/exit-code.ts';
import { endOfCommand, type EndingCommand } from '../../../../src/cli/release-end.ts';
import { statusText } from '../../../../src/cli/status-text.ts';
import { answerRelease } from '../../../../src/release/answer.ts';
import { releaseObjects } from '../../../../src/release/release.ts';
import type { World } from '../release-world.ts';
import { requestFor, ways } from './situations.ts';

/** What a command said, line by line, with what went wrong, and its exit code. */
export interface Answered {
  exitCode: number;
  said: string;
}

/** Called with each line that a command says. */
type OnLine = (line: string) => void;

const { signal } = new AbortController();

/** The application of a world, for the app's own functions. */
export function targetIn({ cluster, leases, clock }: World): ReleaseTarget {
  const connection = { cluster, leases, namespace: 'shop' } as unknown as Connection;
  return { connection, application: 'web', signal, clock };
}

/** What the CLI does with what a command gives: `work` prints, and returns the exit code. */
async function answered(
  onLine: OnLine,
  work: (report: (line: string) => Promise<void>) => Promise<number>,
): Promise<Answered> {
  const lines: string[] = [];
  try {
    const exitCode = await work(async (line) => {
      lines.push(line);
      onLine(line);
    });
    return { exitCode, said: lines.join('\n') };
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return { exitCode: exitCodeOf(error), said: [...lines, error.message, error.hint].join('\n') };
  }
}

function ending(
  command: EndingCommand,
  { world, onLine }: { world: World; onLine: OnLine },
  work: (target: ReleaseTarget, report: (line: string) => Promise<void>) => ReturnType<typeof resume>,
): Promise<Answered> {
  return answered(onLine, async (report) => {
    const { exitCode, message } = endOfCommand(command, await work(targetIn(world), report), {
      ...{ application: 'web', place: 'web -n shop' },
    });
    if (message !== undefined) await report(message);
    return exitCode;
  });
}

function promoting(world: World, onLine: OnLine, full: boolean): Promise<Answered> {
  return answered(onLine, async (report) => {
    await promote({ ...targetIn(world), full }, report);
    return exitCodes.succeeded;
  });
}

function standing(world: World, onLine: OnLine, command: typeof pause): Promise<Answered> {
  return answered(onLine, async (report) => {
    await command(targetIn(world), report);
    return exitCodes.succeeded;
  });
}

const ignore: OnLine = () => undefined;

/** The commands, by the columns of the table. */
export const commands: Readonly<Record<string, (world: World, onLine?: OnLine) => Promise<Answered>>> = {
  '`status`': (world, onLine = ignore) =>
    answered(onLine, async (report) => {
      await report(statusText(await statusOfRelease(targetIn(world))).join('\n'));
      return exitCodes.succeeded;
    }),
  '`history`': (world, onLine = ignore) =>
    answered(onLine, async (report) => {
      for (const { number, outcome } of await historyOfRelease(targetIn(world)))
        await report(`${String(number)} ${outcome}`);
      return exitCodes.succeeded;
    }),
  '`promote`': (world, onLine = ignore) => promoting(world, onLine, false),
  '`promote --full`': (world, onLine = ignore) => promoting(world, onLine, true),
  '`abort`': (world, onLine = ignore) =>
    ending('abort', { world, onLine }, (target, report) => resume({ ...target, direction: 'back' }, report)),
  '`rollback`': (world, onLine = ignore) => ending('rollback', { world, onLine }, rollBack),
  '`rollback --to 1`': (world, onLine = ignore) =>
    ending('rollback', { world, onLine }, (target, report) => rollBack({ ...target, to: 1 }, report)),
  '`resume`': (world, onLine = ignore) =>
    ending('resume', { world, onLine }, (target, report) =>
      resume({ ...target, direction: 'continue' }, answering(world, report)),
    ),
  '`pause`': (world, onLine = ignore) => standing(world, onLine, pause),
  '`detach`': (world, onLine = ignore) => standing(world, onLine, detach),
  '`retry`': (world, onLine = ignore) =>
    ending('retry', { world, onLine }, (target, report) => retry(target, answering(world, report))),
  'another run': (world, onLine = ignore) =>
    answered(onLine, async (report) => {
      const { outcome } = await releaseObjects(requestFor('v4', ways.rolling), world, { signal });
      await report(outcome);
      const codes = { released: exitCodes.succeeded, rolledBack: exitCodes.rolledBack };
      return outcome === 'released' || outcome === 'rolledBack' ? codes[outcome] : exitCodes.failure;
    }),
};

/** A report that promotes a release which says that it waits for a person, as soon as it does. */
function answering({ cluster, clock }: World, report: (line: string) => Promise<void>) {
  return async (line: string) => {
    await report(line);
    if (!line.includes('waiting for promote')) return;
    const request = { cluster, application: 'web', namespace: 'shop', answer: 'promote' } as const;
    void clock.sleep(1000, { signal }).then(() => answerRelease(request, { signal }));
  };
}
