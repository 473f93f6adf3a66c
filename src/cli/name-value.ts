import { ArgumentError } from './argument-error.ts';

/** `-p name=value`, for every command that reads a pipeline file with parameters. */
export const parameterOption = {
  alias: 'p',
  type: 'string',
  array: true,
  nargs: 1,
  describe: 'a parameter, as name=value',
} as const;

/**
 * Reads `name=value` arguments; the value may be empty and may hold `=`.
 * @param option how the option is called, for the message
 * @throws ArgumentError
 */
export function parseNameValues(option: string, values: unknown): Record<string, string> {
  const list = [values ?? []].flat().map(String);
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new ArgumentError(`${option} "${text}" is not in the form name=value`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
