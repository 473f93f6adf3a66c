import { DockerfileParser, type Instruction as ParsedInstruction } from 'dockerfile-ast';
import { BuildError } from '../../../ports/builder.ts';

/** One instruction of a Dockerfile, its variables not yet replaced. */
export interface Instruction {
  /** In upper case. */
  keyword: string;
  /** Where it begins, from 1. */
  line: number;
  flags: readonly { name: string; value: string }[];
  /** What follows the flags, on one line. */
  text: string;
}

/** The instructions of a Dockerfile, and the character that escapes. */
export interface Dockerfile {
  escape: string;
  instructions: readonly Instruction[];
}

/** Reads a Dockerfile: https://docs.docker.com/reference/dockerfile/ @throws BuildError */
export function readDockerfile(text: string): Dockerfile {
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const parsed = DockerfileParser.parse(source);
  const escape = parsed.getEscapeCharacter();
  const lines = source.split('\n');
  const instructions = parsed.getInstructions().map((one) => readInstruction(one, lines, escape));
  if (instructions.length === 0) throw new BuildError('the Dockerfile has no instructions');
  return { escape, instructions };
}

/** An error of one instruction, with its place. */
export function instructionError(
  { keyword, line }: Pick<Instruction, 'keyword' | 'line'>,
  message: string,
  hint?: string,
): BuildError {
  return new BuildError(
    `Dockerfile line ${String(line)}: ${keyword}: ${message}`,
    hint === undefined ? {} : { hint },
  );
}

function readInstruction(
  instruction: ParsedInstruction,
  lines: readonly string[],
  escape: string,
): Instruction {
  const { start, end } = instruction.getRange();
  const place = { keyword: instruction.getKeyword(), line: start.line + 1 };
  const whole = joinLines(lines.slice(start.line, end.line + 1), escape);
  const text = whole.replace(/^\S+\s*/, '');
  if (place.keyword !== 'RUN' && /(?:^|\s)<<-?["']?\w/.test(text)) {
    const hint = 'put the text into a file, or use image.builder: docker';
    throw instructionError(place, 'here-documents are not read by the layers builder', hint);
  }
  return { ...place, ...splitFlags(text) };
}

/** Lines that end with the escape character continue on the next one; comments and blank lines between them are no part of it. */
function joinLines(lines: readonly string[], escape: string): string {
  const goesOn = escape === '`' ? /`[ \t]*$/ : /\\[ \t]*$/;
  return lines
    .filter((line, index) => index === 0 || !/^\s*(?:#|$)/.test(line))
    .map((line) => line.replace(goesOn, ''))
    .join('')
    .trim();
}

function splitFlags(text: string): { flags: Instruction['flags']; text: string } {
  const flags: { name: string; value: string }[] = [];
  let rest = text;
  for (;;) {
    const found = /^--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)/.exec(rest);
    if (found === null) return { flags, text: rest };
    flags.push({ name: found[1] ?? '', value: found[2] ?? 'true' });
    rest = rest.slice(found[0].length);
  }
}
