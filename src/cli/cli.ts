import yargs from 'yargs';
import { SlipwayError } from '../base/errors.ts';
import { exitCodeOf, exitCodes } from '../base/exit-code.ts';
import { version } from '../base/version.ts';
import { ArgumentError } from './argument-error.ts';
import { commands } from './commands.ts';
import { formatError } from './format-error.ts';

/**
 * Runs the command line. Never throws: what goes wrong is told on stderr.
 * @param argv the arguments after the program's name
 * @returns the exit code (docs/exit-codes.md)
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  const debug = argv.includes('--debug');
  const json = argv.includes('--output=json') || argv[argv.indexOf('--output') + 1] === 'json';
  let exitCode: number = exitCodes.succeeded;
  const parser = yargs([...argv])
    .scriptName('pipeline')
    .usage(
      '$0 COMMAND\n\nRuns declarative pipelines on Kubernetes: checkout, build, test, image, release, verification.',
    )
    .strict()
    .demandCommand(1, 'name a command')
    .recommendCommands()
    .option('debug', {
      type: 'boolean',
      default: false,
      global: true,
      describe: 'show details of errors and log more',
    })
    .version(version)
    .help()
    .alias('h', 'help')
    .wrap(Math.min(110, process.stdout.columns || 110))
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new ArgumentError(message ?? 'the arguments are wrong');
    });
  for (const command of commands((code) => (exitCode = code))) parser.command(command);
  try {
    await parser.parseAsync();
    return exitCode;
  } catch (error) {
    const shown =
      json && error instanceof SlipwayError
        ? JSON.stringify({ type: 'error', ...error.toJSON() })
        : formatError(error, debug);
    process.stderr.write(`${shown}\n`);
    return exitCodeOf(error);
  }
}
