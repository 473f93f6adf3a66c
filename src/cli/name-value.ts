import { ArgumentError } from './argument-error.ts';

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
      if (at < 1) throw new ArgumentError(`${option} "${text}" is not written as name=value`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
