import { nearest, hintFor } from '../base/nearest.ts';
import { ArgumentError } from './argument-error.ts';

const help = 'see `pipeline --help` or `pipeline COMMAND --help`';

/**
 * Looks whether a command line names a command that there is; before anything else, since `--help` would answer for an
 * unknown one too. Where options stand before the command, the parser has to tell.
 * @param commands each command with the names of its own commands, none for most
 * @throws ArgumentError
 */
export function assertCommand(
  argv: readonly string[],
  commands: Readonly<Record<string, readonly string[]>>,
): void {
  const [command, action] = argv.filter((word) => word !== '--debug');
  if (command === undefined || command.startsWith('-')) return;
  if (!Object.hasOwn(commands, command)) throw unknownCommand(command, '', Object.keys(commands));
  const actions = commands[command] ?? [];
  if (actions.length === 0 || action === undefined || action.startsWith('-')) return;
  if (!actions.includes(action)) throw unknownCommand(action, `${command} `, actions);
}

function unknownCommand(word: string, before: string, allowed: readonly string[]): ArgumentError {
  return new ArgumentError(`unknown command "pipeline ${before}${word}"`, hintFor(word, allowed));
}

/**
 * What the parser's complaint about words that it does not know means.
 * @param options names of the options that the command has
 */
export function unknownWords(
  message: string,
  argv: readonly string[],
  options: readonly string[],
): ArgumentError {
  const words = message.replace(/^Unknown arguments?: /, '').split(', ');
  // The parser names an option in camel case beside how it was written.
  const word = words.map((name) => argv.find((given) => isOption(given, name))).find(Boolean);
  if (word === undefined) return new ArgumentError(`unexpected argument "${words[0] ?? ''}"`, help);
  const [name = ''] = word.split('=', 1);
  const meant = nearest(name.replace(/^-+/, ''), options);
  const hint = meant === undefined ? help : `did you mean --${meant}? ${help}`;
  return new ArgumentError(`unknown option ${name}`, hint);
}

function isOption(word: string, name: string): boolean {
  return /^--?[^-]/.test(word) && word.replace(/^-+/, '').split('=', 1)[0] === name;
}
