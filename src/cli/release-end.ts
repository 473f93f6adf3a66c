import type { RolledBack } from '../app/release-commands.ts';
import { defined } from '../base/defined.ts';
import { exitCodes } from '../base/exit-code.ts';

/** The commands that bring a release to an end. */
export type EndingCommand = 'abort' | 'rollback' | 'resume' | 'retry';

/**
 * The exit code of a command, and what it says last, by what became of the release.
 * @param place the application as the next commands take it
 */
export function endOfCommand(
  command: EndingCommand,
  result: RolledBack,
  { application, place }: { application: string; place: string },
): { exitCode: number; message?: string } {
  if (result === 'left')
    return { exitCode: exitCodes.succeeded, message: `the runner of ${application} rolls it back` };
  if (result === 'lifted')
    return { exitCode: exitCodes.succeeded, message: `the runner of ${application} continues it` };
  if (result === 'over')
    return {
      exitCode: exitCodes.failure,
      message: `the release of ${application} has ended meanwhile: see pipeline release status ${place}`,
    };
  if (command === 'abort' && result.outcome === 'released')
    return {
      exitCode: exitCodes.failure,
      message: `revision ${String(result.revision)} was released before it could be aborted; to go back: pipeline release rollback ${place}`,
    };
  return { exitCode: exitCodeOf(command, result), ...defined({ message: result.reason }) };
}

function exitCodeOf(command: EndingCommand, result: Exclude<RolledBack, string>): number {
  switch (result.outcome) {
    case 'released':
      return exitCodes.succeeded;
    case 'detached':
      return exitCodes.detached;
    case 'failed':
    case 'halted':
      return exitCodes.failure;
    case 'rolledBack': {
      // What was asked for; unless it is an earlier revision that could not be released again.
      const isWanted = (command === 'abort' || command === 'rollback') && !('to' in result);
      return isWanted ? exitCodes.succeeded : exitCodes.rolledBack;
    }
  }
}
