import { defined } from '../../../base/defined.ts';
import { largestVariable } from './launch-script.ts';

/** What a step has put out. */
export interface Assignments {
  outputs: Record<string, string>;
  environment: Record<string, string>;
  /** What could not be taken; missing when there is no such thing. */
  problems?: string[];
}

const assignment = /^(?:export\s+)?(?<name>[A-Za-z_][A-Za-z0-9_]*)=(?<value>.*)$/;
const block = /^(?<name>[A-Za-z_][A-Za-z0-9_]*)<<(?<word>\S+)$/;
/** Blank lines and comments, as files of variables have them. */
const nothing = /^\s*(#|$)/;
/** A name that is none, and no part of a value: base64 has neither `-` nor `.`. */
const badName = /^(?:export\s+)?(?<name>[A-Za-z0-9_]*[-.][A-Za-z0-9_.-]*|[0-9][A-Za-z0-9_]*)=[^=]/;
const mostProblems = 5;
const longestName = 40;

/**
 * Reads $SLIPWAY_OUTPUT and $SLIPWAY_ENV: lines `NAME=value`; the last one of a name wins. A value of several lines is
 * written as `NAME<<WORD`, the lines, `WORD`. Blank lines and comments are left out; every other line is a problem.
 * @param files undefined when they were too large to be handed over
 */
export function readAssignments(files: { output: Buffer; environment: Buffer } | undefined): Assignments {
  if (files === undefined)
    return {
      outputs: {},
      environment: {},
      problems: ['$SLIPWAY_OUTPUT and $SLIPWAY_ENV have more than 1 MiB'],
    };
  const output = parse('$SLIPWAY_OUTPUT', files.output);
  const environment = parse('$SLIPWAY_ENV', files.environment);
  const tooLarge = Object.entries(environment.values)
    .filter(([name, value]) => name.length + Buffer.byteLength(value) > largestVariable)
    .map(
      ([name]) => `${name} in $SLIPWAY_ENV has more than the 128 KiB that an environment variable may have`,
    );
  const problems = [...output.problems, ...environment.problems, ...tooLarge];
  return {
    outputs: output.values,
    environment: environment.values,
    ...defined({ problems: problems.length === 0 ? undefined : bounded(problems) }),
  };
}

function bounded(problems: string[]): string[] {
  if (problems.length <= mostProblems) return problems;
  return [...problems.slice(0, mostProblems), `${String(problems.length - mostProblems)} more`];
}

function parse(file: string, content: Buffer): { values: Record<string, string>; problems: string[] } {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  const lines = content.toString('utf8').split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const place = `line ${String(index + 1)} of ${file}`;
    const opening = block.exec(line)?.groups;
    const end = opening === undefined ? -1 : lines.indexOf(opening['word'] ?? '', index + 1);
    const { name, value } = assignment.exec(line)?.groups ?? {};
    if (opening !== undefined && end > 0) {
      values[opening['name'] ?? ''] = lines.slice(index + 1, end).join('\n');
      index = end;
    } else if (opening !== undefined) {
      problems.push(
        `${place}: the value of ${shown(opening['name'])} has no end: a line with the word behind << alone`,
      );
      break; // what follows may be its lines
    } else if (name !== undefined) values[name] = value ?? '';
    else if (!nothing.test(line)) problems.push(`${place} ${complaintOf(line)}`);
  }
  return { values, problems };
}

/** Never a value, nor a line that may be one: it could be a secret. */
function complaintOf(line: string): string {
  const name = badName.exec(line)?.groups?.['name'];
  if (name === undefined) return 'is not NAME=value';
  return `is not NAME=value: "${shown(name)}" cannot be a name (letters, digits and _, no digit at its beginning)`;
}

function shown(name = ''): string {
  return name.length > longestName ? `${name.slice(0, longestName)}…` : name;
}
