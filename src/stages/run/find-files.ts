import type { Agent } from '../../ports/agent.ts';
import { InputError } from '../../base/errors.ts';
import { compileGlob, globBase } from '../../base/glob.ts';

/** Lists files without following links; folders named .git are left out. What is not there lists nothing. */
const listScript = 'cd "$1" && shift && find "$@" -name .git -prune -o -type f -print 2>/dev/null || true';

/** Bytes of paths that are looked at: those of some hundred thousand files. */
const largestList = 64 * 1024 * 1024;
/** Files that are collected; the store takes no more. */
const mostFiles = 100_000;

/** Where to look in. */
export interface FindOptions {
  signal: AbortSignal;
  /** Absolute. */
  directory: string;
  container: string;
}

/**
 * The files of the agent that match any of the patterns (`reports/*.xml`, `**` for any depth; a folder's name stands
 * for all in it), relative to the folder, sorted.
 * @throws InputError for a pattern that leaves the folder, and for more than 100,000 files
 */
export async function findFiles(
  agent: Agent,
  patterns: readonly string[],
  options: FindOptions,
): Promise<string[]> {
  const normal = patterns.map((pattern) => pattern.replace(/^(\.\/)+/, '').replace(/\/+$/, ''));
  const outside = normal.find((pattern) => pattern.startsWith('/') || pattern.split('/').includes('..'));
  if (outside !== undefined) throw new InputError(`the pattern "${outside}" leaves the working folder`);
  const command = [
    'sh',
    '-c',
    listScript,
    'sh',
    options.directory,
    ...basesOf(normal).map((base) => `./${base}`),
  ];
  const { signal, container } = options;
  const { stdout } = await agent.query(command, { signal, container, largest: largestList });
  const files = stdout.split('\n').map((line) => line.replace(/^(\.\/)+/, ''));
  const globs = normal.map((pattern) => compileGlob(pattern, { dot: true }));
  const wanted = (file: string) =>
    globs.some((matches) => matches(file)) || normal.some((pattern) => file.startsWith(`${pattern}/`));
  const found = [...new Set(files)].filter((file) => file !== '' && wanted(file)).sort();
  if (found.length <= mostFiles) return found;
  throw new InputError(
    `${patterns.join(', ')} matches ${String(found.length)} files; at most ${String(mostFiles)} are collected`,
    {
      hint: 'pack them into one file with tar in the script',
    },
  );
}

/** The fixed beginnings of the patterns, so that no more is listed than has to be; none lies in another. */
function basesOf(patterns: readonly string[]): string[] {
  const bases = [...new Set(patterns.map((pattern) => globBase(pattern)))];
  const inside = (base: string, other: string) => other === '' || base.startsWith(`${other}/`);
  return bases.filter((base) => !bases.some((other) => other !== base && inside(base, other)));
}
