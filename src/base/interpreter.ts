import { InputError } from './errors.ts';

/** What runs a script: a program and its options; the script's path is appended. */
export interface Interpreter {
  words: string[];
  /** The script's `#!` line where it does not decide, since the file names a shell. */
  overruled?: string;
}

const shebang = /^#![ \t]*(?<program>[^ \t\n]+)(?:[ \t]+(?<argument>[^\n]*))?/;

/**
 * What runs a script: the `shell` of the file; else what its first line says after `#!`, read as the kernel reads it (a
 * program and at most one argument); else `sh -e`.
 * @param shell a program and its options, as in `bash -eo pipefail`
 * @throws InputError when `shell` holds no word
 */
export function interpreterOf(script: string, shell: string | undefined): Interpreter {
  const { program, argument = '' } = shebang.exec(script)?.groups ?? {};
  const own = program === undefined ? undefined : [program, argument.trim()].filter((word) => word !== '');
  if (shell === undefined) return { words: own ?? ['sh', '-e'] };
  const words = shell.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0)
    throw new InputError('shell is empty', { hint: 'write it like "sh -e" or "bash -eo pipefail"' });
  return own === undefined || own.join(' ') === words.join(' ')
    ? { words }
    : { words, overruled: `#!${own.join(' ')}` };
}

/** What is said of an interpreter that overrules the script's own; undefined when none does. */
export function overruledNotice({ words, overruled }: Interpreter): string | undefined {
  if (overruled === undefined) return undefined;
  return `the script's first line, ${overruled}, is not used: \`shell\` says that ${words.join(' ')} runs it`;
}
