import yargs from 'yargs';
import { exitCodes } from '../base/exit-code.ts';
import { version } from '../base/version.ts';
import { ArgumentError } from './argument-error.ts';
import { commands } from './commands.ts';

/**
 * Parses the command line and runs the command that it names.
 * @returns the exit code of a command that ended without an error
 * @throws ArgumentError, and whatever the command throws
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.succeeded;
  let work: Promise<void> | undefined;
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
    .updateStrings({
      'Not enough non-option arguments: got %s, need at least %s': {
        one: 'arguments are missing: %s given, %s needed',
        other: 'arguments are missing: %s given, %s needed',
      },
    } as unknown as Record<string, string>)
    .alias('h', 'help')
    .wrap(Math.min(110, process.stdout.columns || 110))
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new ArgumentError(message ?? 'the arguments are wrong');
    });
  for (const command of commands((code) => (exitCode = code))) {
    parser.command({
      ...command,
      // The parser is given no promise: for one it writes the help, in case that it fails, before the work goes on.
      handler: (args) => {
        work = Promise.resolve(command.handler(args));
        work.catch(() => undefined); // awaited below
      },
    });
  }
  await parser.parseAsync();
  await work;
  return exitCode;
}
