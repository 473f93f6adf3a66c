import yargs, { type CommandModule } from 'yargs';
import { exitCodes } from '../base/exit-code.ts';
import { version } from '../base/version.ts';
import { ArgumentError } from './argument-error.ts';
import { actions, commands } from './commands.ts';
import { assertCommand, unknownWords } from './unknown-words.ts';

/**
 * Parses the command line and runs the command that it names.
 * @returns the exit code of a command that ended without an error
 * @throws ArgumentError, and whatever the command throws
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.succeeded;
  let work: Promise<void> | undefined;
  const all = commands((code) => (exitCode = code));
  assertCommand(argv, Object.fromEntries(all.map(({ command }) => [nameOf(command), actionsOf(command)])));
  const parser = yargs([...argv])
    .scriptName('pipeline')
    .usage(
      '$0 COMMAND\n\nRuns declarative pipelines on Kubernetes: checkout, build, test, image, release, verification.',
    )
    .strict()
    .demandCommand(1, 'specify a command')
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
        one: 'missing arguments: got %s, need %s',
        other: 'missing arguments: got %s, need %s',
      },
    } as unknown as Record<string, string>)
    .alias('h', 'help')
    .wrap(Math.min(110, process.stdout.columns || 110))
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      if (error === undefined && message?.startsWith('Unknown argument') === true)
        throw unknownWords(message, argv, optionsOf(parser));
      throw error ?? new ArgumentError(message ?? 'invalid arguments');
    });
  for (const command of all) {
    parser.command({
      ...command,
      // The parser is given no promise: for one it writes the help, in case that it fails, before the work continues.
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

/** `run <file>` is called `run`. */
function nameOf(command: CommandModule['command']): string {
  return String(command).split(' ', 1)[0] ?? '';
}

function actionsOf(command: CommandModule['command']): readonly string[] {
  return actions[nameOf(command)] ?? [];
}

/** The options that the parser knew when it failed, which are those of the command. */
function optionsOf(parser: unknown): string[] {
  const { key } = (parser as { getOptions: () => { key: Record<string, unknown> } }).getOptions();
  return Object.keys(key).filter((name) => name.length > 1 && !/[A-Z]/.test(name));
}
