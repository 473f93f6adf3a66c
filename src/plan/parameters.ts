import { InputError } from '../base/errors.ts';
import { Pattern, PatternError } from '../base/pattern.ts';
import { hintFor } from '../base/nearest.ts';
import type { Parameter, ParameterValue } from '../spec/pipeline.ts';

/**
 * Checks the values given to a run against the file's parameters, and fills in defaults.
 * @throws InputError that lists everything wrong, a line each
 */
export function resolveParameters(
  declared: Readonly<Record<string, Parameter>>,
  given: Readonly<Record<string, string>>,
): Record<string, ParameterValue> {
  const problems = Object.keys(given)
    .filter((name) => !Object.hasOwn(declared, name))
    .map((name) => `there is no parameter "${name}" (${hintFor(name, Object.keys(declared))})`);
  const values: Record<string, ParameterValue> = {};
  for (const [name, parameter] of Object.entries(declared)) {
    const result = resolve(name, parameter, given[name]);
    if ('problem' in result) problems.push(result.problem);
    else values[name] = result.value;
  }
  if (problems.length > 0)
    throw new InputError(problems.join('\n'), { hint: 'give parameters as -p NAME=VALUE' });
  return values;
}

type Resolved = { value: ParameterValue } | { problem: string };

function resolve(name: string, parameter: Parameter, text: string | undefined): Resolved {
  if (text !== undefined) return read(name, parameter, text);
  if (parameter.default !== undefined) return { value: parameter.default };
  if (parameter.required) return { problem: `parameter "${name}" is missing${describe(parameter)}` };
  return { value: parameter.type === 'boolean' ? false : parameter.type === 'number' ? 0 : '' };
}

function describe({ description }: Parameter): string {
  return description === undefined ? '' : `: ${description}`;
}

function read(name: string, parameter: Parameter, text: string): Resolved {
  const expected = (what: string): Resolved => ({ problem: `parameter "${name}" is ${what}, not "${text}"` });
  switch (parameter.type) {
    case 'string':
      return readString(name, parameter.pattern, text);
    case 'choice':
      return parameter.options.includes(text)
        ? { value: text }
        : expected(`one of ${parameter.options.join(', ')}`);
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : expected('true or false');
    case 'number': {
      const value = Number(text);
      return text.trim() !== '' && Number.isFinite(value) ? { value } : expected('a number');
    }
  }
}

function readString(name: string, pattern: string | undefined, text: string): Resolved {
  try {
    if (pattern === undefined || new Pattern(pattern).matches(text)) return { value: text };
  } catch (error) {
    if (error instanceof PatternError) return { problem: `parameter "${name}": ${error.message}` };
    throw error;
  }
  return { problem: `parameter "${name}" does not match ${pattern}: "${text}"` };
}
