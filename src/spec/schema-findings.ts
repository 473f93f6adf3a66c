import { defined } from '../base/defined.ts';
import type * as z from '../base/zod.ts';
import type { Finding } from './finding.ts';
import { hintFor } from '../base/nearest.ts';
import { hasTemplate } from '../expressions/template.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly (string | number)[];

/** How to check a value against a schema. */
export interface CheckOptions {
  /** Where the value stands in the file. */
  at?: Path;
  /** Strings with `${{ }}` are accepted anywhere: they are checked again when they are evaluated. */
  templates?: boolean;
  /** What a known but refused key is answered with. */
  refused?: Readonly<Record<string, string>>;
}

/** A schema meets one value here: compiling it first, as zod does by default, would take longer than the check. */
export const parseOnce = { jitless: true };

/** Checks a value against a schema and reports all errors, in plain words. */
export function checkSchema(schema: z.ZodMiniType, value: unknown, options: CheckOptions = {}): Finding[] {
  return readSchema(schema, value, options).findings;
}

/** As checkSchema; with what the schema makes of a value that is right. */
export function readSchema<S extends z.ZodMiniType>(
  schema: S,
  value: unknown,
  options: CheckOptions = {},
): { data?: z.infer<S>; findings: Finding[] } {
  const result = schema.safeParse(value, { ...parseOnce, error: allowedKeys });
  if (result.success) return { data: result.data, findings: [] };
  const findings = result.error.issues
    .filter((issue) => !(options.templates === true && deferred(issue, value)))
    .flatMap((issue) => explain(issue, value, options));
  return { findings };
}

/** Has zod tell the keys that the object knows, one a line; read back in `unknownKeys`. */
function allowedKeys(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'unrecognized_keys') return undefined;
  const shape = (issue.inst as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape;
  return Object.keys(shape ?? {}).join('\n');
}

/** Whether an issue is about a string whose real value is known only in the run. */
function deferred(issue: Issue, value: unknown): boolean {
  const found = valueAt(value, pathOf(issue));
  if (typeof found === 'string' && hasTemplate(found)) return true;
  if (issue.code !== 'invalid_union') return false;
  return issue.errors.some((option) => option.every((inner) => deferred(inner, found)));
}

function explain(issue: Issue, value: unknown, options: CheckOptions): Finding[] {
  const inner = pathOf(issue);
  const path = [...(options.at ?? []), ...inner];
  const found = valueAt(value, inner);
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownKeys(issue, path, options);
    case 'invalid_union':
      return explainUnion(issue, value, options);
    case 'invalid_key':
      return [{ code: 'name', path, at: 'key', message: issue.issues[0]?.message ?? issue.message }];
    case 'invalid_value':
      return [invalidValue(issue.values.map(String), path, found)];
    case 'invalid_type':
      return [invalidType(issue, path, found)];
    case 'too_small':
    case 'too_big':
      return [{ code: 'value', path, message: `${describe(found)} is ${sizeProblem(issue)}` }];
    default:
      return [{ code: 'value', path, message: `${subjectOf(found)}${issue.message}` }];
  }
}

function unknownKeys(
  issue: Extract<Issue, { code: 'unrecognized_keys' }>,
  path: Path,
  options: CheckOptions,
): Finding[] {
  const allowed = issue.message.split('\n').filter((key) => key !== '');
  return issue.keys.map((key): Finding => {
    const refused = options.refused?.[key];
    const at = { path: [...path, key], at: 'key' } as const;
    if (refused !== undefined) {
      return { ...at, code: 'not-supported', message: `"${key}" is not supported yet`, hint: refused };
    }
    return { ...at, code: 'unknown-key', message: `unknown key "${key}"`, hint: hintFor(key, allowed) };
  });
}

/** Explains the option of a union that was most likely meant: the one that is wrong in the fewest places, of the right type. */
function explainUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  value: unknown,
  options: CheckOptions,
): Finding[] {
  const inner = pathOf(issue);
  const path = [...(options.at ?? []), ...inner];
  const found = valueAt(value, inner);
  if (issue.errors.length === 0) return explainDiscriminator(issue, path, found);
  const meant = issue.errors
    .filter((option) => !option.some((part) => isOfAnotherType(part, found)))
    .sort((a, b) => misses(a) - misses(b) || a.length - b.length);
  const [first, second] = meant;
  if (first !== undefined && (second === undefined || misses(first) < misses(second))) {
    return first.flatMap((part) => explain(part, found, { ...options, at: path }));
  }
  const byKeys = explainKeys(issue.errors, path, found);
  if (byKeys !== undefined) return byKeys;
  const shapes = issue.errors
    .map((option) => option[0])
    .flatMap((part) => (part === undefined ? [] : [expectation(part)]));
  return [
    {
      code: 'type',
      path,
      message: `expected ${[...new Set(shapes)].join(' or ')}, found ${describe(found)}`,
    },
  ];
}

/** Whether an option of a union was not meant, since it is of another type than what stands there. */
function isOfAnotherType(part: Issue, found: unknown): boolean {
  if (part.path.length > 0) return false;
  if (part.code === 'invalid_value') return part.values.every((value) => typeof value !== typeof found);
  return part.code === 'invalid_type';
}

/** Of options that are objects: the keys that none of them knows, else all the keys that do not go together. */
function explainKeys(
  options: readonly (readonly Issue[])[],
  path: Path,
  found: unknown,
): Finding[] | undefined {
  const strange = options.flatMap((option) =>
    option.flatMap((part) => (part.code === 'unrecognized_keys' && part.path.length === 0 ? [part] : [])),
  );
  if (strange.length < options.length) return undefined;
  const allowed = [...new Set(strange.flatMap(({ message }) => message.split('\n')))];
  const keys = keysAt(found, []);
  const unknown = keys.filter((key) => !allowed.includes(key));
  if (unknown.length === 0)
    return [{ code: 'value', path, message: `has ${keys.join(' and ')}: one of them at a time` }];
  return unknown.map((key) => ({
    ...{ code: 'unknown-key', path: [...path, key], at: 'key', message: `unknown key "${key}"` },
    hint: hintFor(key, allowed),
  }));
}

/** Options of an object union differ by the keys they know: unknown keys at their top tell that another one was meant. */
function misses(issues: readonly Issue[]): number {
  return issues.filter((issue) => issue.code === 'unrecognized_keys' && issue.path.length === 0).length;
}

function explainDiscriminator(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  found: unknown,
): Finding[] {
  const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
  if (found === undefined) return [missing(path)];
  return [invalidValue(options, path, found)];
}

function invalidValue(allowed: readonly string[], path: Path, found: unknown): Finding {
  if (found === undefined) return missing(path);
  const text = typeof found === 'string' ? found : '';
  const expected = allowed.length === 1 ? `"${allowed[0] ?? ''}"` : `one of ${allowed.join(', ')}`;
  const message = `expected ${expected}, found ${describe(found)}`;
  return {
    code: 'value',
    path,
    message,
    ...(allowed.length > 1 && text !== '' ? { hint: hintFor(text, allowed) } : {}),
  };
}

function invalidType(issue: Extract<Issue, { code: 'invalid_type' }>, path: Path, found: unknown): Finding {
  if (found === undefined) return missing(path);
  const own = issue.message.startsWith('Invalid input') ? undefined : issue.message;
  const message =
    own === undefined
      ? `expected ${typeName(issue.expected)}, found ${describe(found)}`
      : `${describe(found)}: ${own}`;
  const hint = own === undefined ? hintForType(issue.expected, found) : undefined;
  return { code: 'type', path, message, ...defined({ hint }) };
}

function hintForType(expected: string, found: unknown): string | undefined {
  if (expected === 'string' && (typeof found === 'number' || typeof found === 'boolean'))
    return 'put it in quotes';
  return expected === 'object' && found === null ? 'write {} for an empty one' : undefined;
}

function missing(path: Path): Finding {
  return { code: 'missing', path: path.slice(0, -1), message: `"${String(path.at(-1) ?? '')}" is missing` };
}

function expectation(issue: Issue): string {
  if (issue.code === 'invalid_type') return typeName(issue.expected);
  if (issue.code === 'invalid_value') return issue.values.map((value) => JSON.stringify(value)).join(' or ');
  if (issue.code === 'unrecognized_keys') return `an object of ${issue.message.split('\n').join(', ')}`;
  return 'another form';
}

function sizeProblem(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const small = issue.code === 'too_small';
  const limit = String(small ? issue.minimum : issue.maximum);
  const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : '';
  return small ? `too small: at least ${limit}${unit}` : `too large: at most ${limit}${unit}`;
}

function typeName(expected: string): string {
  const names: Record<string, string> = {
    array: 'a list',
    object: 'an object',
    record: 'an object',
    string: 'a string',
    number: 'a number',
    int: 'an integer',
    boolean: 'true or false',
  };
  return names[expected] ?? expected;
}

/** What an own message of a schema is about: of an object or a list it tells no more than the place does. */
function subjectOf(found: unknown): string {
  return typeof found === 'object' && found !== null ? '' : `${describe(found)}: `;
}

/** What was found, short. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : `${value as number}`;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function pathOf(issue: Issue): (string | number)[] {
  return issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
}

/** The keys of the object at a path of plain data; none when there is no object. */
export function keysAt(value: unknown, path: Path): string[] {
  const found = valueAt(value, path);
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? Object.keys(found) : [];
}

/** What stands at a path of plain data. */
export function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Record<string | number, unknown>)[part];
  }
  return current;
}
