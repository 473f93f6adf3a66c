import { SlipwayError, messageOf } from '../base/errors.ts';
import { terminalLines } from '../base/terminal-text.ts';

/**
 * An error as people see it: what happened and what to do. Stacks and causes are shown with `--debug` alone; an error
 * that is not ours is a fault of Slipway's own and says how to report it. Errors quote others (names of branches, files,
 * an API's answers), whose control sequences are taken out.
 */
export function formatError(error: unknown, debug: boolean): string {
  return terminalLines(textOf(error, debug));
}

function textOf(error: unknown, debug: boolean): string {
  // Not imported: an import reads all that node:util has, which makes stderr and more at every start.
  if (debug) return process.getBuiltinModule('node:util').inspect(error, { depth: 6 });
  if (!(error instanceof SlipwayError)) {
    return `internal error: ${messageOf(error)}\nThis is a bug in Slipway. Run the command again with --debug and report its output.`;
  }
  if (error.code === 'pipeline-file' || error.code === 'policy-file') return error.message; // each line has its own place
  return error.hint === undefined
    ? `error: ${error.message}`
    : `error: ${error.message}\nhint: ${error.hint}`;
}
