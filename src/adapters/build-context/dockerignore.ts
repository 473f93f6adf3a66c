import { posix } from 'node:path';
import { Pattern } from '../../base/pattern.ts';
import { BuildError } from '../../ports/builder.ts';

interface Rule {
  /** `!pattern`: takes back what an earlier pattern excluded. */
  readonly exception: boolean;
  readonly pattern: string;
  readonly expression: Pattern;
}

/** What a .dockerignore file says. */
export interface DockerIgnore {
  /** Whether the path (relative to the context, `/` between names) is left out. */
  excludes(path: string): boolean;
  /** Plain paths that are out with all below them, whatever the other lines say: they need not leave the agent. */
  readonly prunable: readonly string[];
}

/**
 * Reads a .dockerignore file by Docker's rules: a pattern is anchored at the context, matches with Go's
 * filepath.Match plus `**`, covers all below what it matches, and the last line that matches decides.
 * https://docs.docker.com/build/concepts/context/#dockerignore-files
 * @throws BuildError when a pattern is malformed
 */
export function parseDockerIgnore(text: string): DockerIgnore {
  const rules = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((line) => (line.startsWith('#') ? [] : readRule(line)));
  return {
    excludes: (path) => lastWord(rules, path),
    prunable: prunablePaths(rules),
  };
}

function readRule(line: string): Rule[] {
  let pattern = line.trim();
  const exception = pattern.startsWith('!');
  if (exception) pattern = pattern.slice(1).trim();
  if (pattern === '') {
    if (exception) throw new BuildError('.dockerignore: a line with nothing after "!"');
    return [];
  }
  pattern = posix.normalize(pattern).replace(/^\/|\/$/g, '');
  return pattern === '' ? [] : [{ exception, pattern, expression: compile(pattern) }];
}

function lastWord(rules: readonly Rule[], path: string): boolean {
  const candidates = pathAndParents(path);
  const deciding = rules.findLast((rule) =>
    candidates.some((candidate) => rule.expression.matches(candidate)),
  );
  return deciding !== undefined && !deciding.exception;
}

function pathAndParents(path: string): string[] {
  const names = path.split('/');
  return names.map((_, index) => names.slice(0, names.length - index).join('/'));
}

/** A pattern as a regular expression over a whole path; `**` stands for any number of folders, also none. */
function compile(pattern: string): Pattern {
  try {
    return new Pattern(`(?s)${sourceOf(pattern)}`);
  } catch (error) {
    if (error instanceof BuildError) throw error;
    throw new BuildError(`.dockerignore: "${pattern}" is not a pattern`, { cause: error });
  }
}

function sourceOf(pattern: string): string {
  let source = '';
  for (let at = 0; at < pattern.length;) {
    const piece = nextPiece(pattern, at);
    source += piece.source;
    at += piece.length;
  }
  return source;
}

function nextPiece(pattern: string, at: number): { source: string; length: number } {
  const character = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
  if (pattern.startsWith('**', at)) {
    const length = pattern[at + 2] === '/' ? 3 : 2;
    return { source: at + length === pattern.length ? '.*' : '(?:.*/)?', length };
  }
  switch (character) {
    case '*':
      return { source: '[^/]*', length: 1 };
    case '?':
      return { source: '[^/]', length: 1 };
    case '[':
      return characterClass(pattern, at);
    case '\\': {
      const escaped = pattern[at + 1];
      if (escaped === undefined) throw new BuildError(`.dockerignore: "${pattern}" ends with a backslash`);
      return { source: literal(escaped), length: 2 };
    }
    default:
      return { source: literal(character), length: character.length };
  }
}

function characterClass(pattern: string, at: number): { source: string; length: number } {
  const found = /^\[\^?(?:\\.|[^\]\\])+\]/su.exec(pattern.slice(at));
  if (found === null) throw new BuildError(`.dockerignore: "${pattern}" has an unclosed "["`);
  return { source: withoutSlash(found[0]), length: found[0].length };
}

/** A class as RE2 reads it, by code points; `/` is in none, since a class stands for a character of a name. */
function withoutSlash(text: string): string {
  const negated = text.startsWith('[^');
  const inner = text.slice(negated ? 2 : 1, -1);
  const ranges = [...inner.matchAll(/(\\.|[^\\])(?:-(\\.|[^\\]))?/gsu)].flatMap(
    ([, first = '', last = first]) => rangesOf(codePoint(first), codePoint(last), negated),
  );
  if (negated) return `[^/${ranges.join('')}]`;
  return ranges.length === 0 ? '[^\\x{0}-\\x{10FFFF}]' : `[${ranges.join('')}]`;
}

/** A range of a class, cut in two where `/` lies in it. */
function rangesOf(first: number, last: number, whole: boolean): string[] {
  if (whole || first > slash || last < slash) return [range(first, last)];
  return [
    ...(first < slash ? [range(first, slash - 1)] : []),
    ...(last > slash ? [range(slash + 1, last)] : []),
  ];
}

function range(first: number, last: number): string {
  return `\\x{${first.toString(16)}}-\\x{${last.toString(16)}}`;
}

const slash = 0x2f;

/** Of a character that may be escaped. */
function codePoint(character: string): number {
  return character.codePointAt(character.startsWith('\\') ? 1 : 0) ?? 0;
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

function prunablePaths(rules: readonly Rule[]): string[] {
  if (rules.some((rule) => rule.exception)) return [];
  return rules
    .map((rule) => rule.pattern.replace(/^\*\*\//, ''))
    .filter((pattern) => pattern !== '.' && !/[*?[\]\\]/.test(pattern));
}
