import { SlipwayError } from '../base/errors.ts';
import { exitCodeOf, exitCodes } from '../base/exit-code.ts';
import { terminalJson } from '../base/terminal-text.ts';
import { formatError } from './format-error.ts';
import { policyFiles } from './policy-option.ts';
import { validate } from './validate.ts';

/**
 * Runs the command line. Never throws: errors are printed on stderr.
 * @param argv the arguments after the program's name
 * @returns the exit code (docs/exit-codes.md)
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  const debug = argv.includes('--debug');
  const json = argv.includes('--output=json') || argv[argv.indexOf('--output') + 1] === 'json';
  try {
    return await runCommand(argv);
  } catch (error) {
    const shown =
      json && error instanceof SlipwayError
        ? terminalJson(JSON.stringify({ type: 'error', ...error.toJSON() }))
        : formatError(error, debug);
    process.stderr.write(`${shown}\n`);
    return exitCodeOf(error);
  }
}

/**
 * `validate FILE` without options, which editors and commit hooks call again and again, is run without the parser of
 * options: loading that takes as long as Node's own start (docs/performance.md).
 */
async function runCommand(argv: readonly string[]): Promise<number> {
  const [command, file] = argv;
  if (argv.length === 2 && command === 'validate' && file !== undefined && !file.startsWith('-')) {
    await validate(file, 'text', policyFiles({}));
    return exitCodes.succeeded;
  }
  const { runCommandLine } = await import('./command-line.ts');
  return runCommandLine(argv);
}
