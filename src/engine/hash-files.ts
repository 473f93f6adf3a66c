import { createHash } from 'node:crypto';
import { InputError } from '../base/errors.ts';
import { compileGlob } from '../base/glob.ts';
import type { Agent } from '../ports/agent.ts';

/** Bytes of the list of hashes: that of some hundred thousand files. */
const largestList = 64 * 1024 * 1024;

/** Where files are hashed. */
export interface HashPlace {
  agent: Agent;
  container: string;
  /** Relative to the workspace. */
  directory: string;
  signal: AbortSignal;
}

/**
 * Lists and hashes in the agent: one line `HASH  ./path` a file. `find` matches `*` over `/` too, so it finds at least
 * what the patterns mean; a glob narrows that down here. `.git` is left out.
 */
const script = `cd "$1" || exit 9
shift
for pattern do
  shift
  set -- "$@" -o -path "./$pattern"
done
shift
find . -path ./.git -prune -o -type f \\( "$@" \\) -exec sha256sum {} +`;

/**
 * One hash over the names and contents of all files that match the patterns (\`package-lock.json\`, \`**\\/pom.xml\`).
 * The same files give the same hash on every machine; no file at all gives an empty text.
 * @throws InputError when a pattern leaves the folder, or the files cannot be read
 */
export async function hashFiles(patterns: readonly string[], place: HashPlace): Promise<string> {
  for (const pattern of patterns) {
    if (pattern.startsWith('/') || pattern.split('/').includes('..')) {
      throw new InputError(`hashFiles("${pattern}") leaves the checkout`, {
        hint: 'write the path relative to it',
      });
    }
  }
  const { agent, container, directory, signal } = place;
  const root = directory.startsWith('/') ? directory : `${agent.workspace}/${directory}`;
  const search = patterns.map(toFindPattern);
  const command = ['sh', '-c', script, 'hashFiles', root, ...search];
  const { exitCode, stdout, stderr } = await agent.query(command, {
    signal,
    container,
    largest: largestList,
  });
  if (exitCode !== 0) {
    throw new InputError(`hashFiles could not read the files: ${stderr.trim().split('\n')[0] ?? ''}`);
  }
  return hashOfLines(stdout, patterns);
}

/** A pattern for find, which matches at least as much: `**\/` stands for any folders, none among them. */
function toFindPattern(pattern: string): string {
  return withoutDot(pattern)
    .replace(/\*\*\//g, '*')
    .replace(/\\?\{.*\}/, '*');
}

function withoutDot(pattern: string): string {
  return pattern.replace(/^\.\//, '');
}

function hashOfLines(output: string, patterns: readonly string[]): string {
  const globs = patterns.map((pattern) => compileGlob(withoutDot(pattern), { dot: true }));
  const lines = output
    .split('\n')
    .map((line) => /^\\?(?<hash>[0-9a-f]{64}) [ *]\.\/(?<path>.+)$/.exec(line)?.groups)
    .flatMap((groups) =>
      groups === undefined ? [] : [{ hash: groups['hash'] ?? '', path: groups['path'] ?? '' }],
    )
    .filter(({ path }) => globs.some((matches) => matches(path)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  if (lines.length === 0) return '';
  const hash = createHash('sha256');
  for (const { path, hash: content } of lines) hash.update(`${content} ${path}\n`);
  return hash.digest('hex');
}
