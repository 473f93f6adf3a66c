import * as z from '../base/zod.ts';
import { InputError } from '../base/errors.ts';
import type { StageDefinition } from '../ports/stage.ts';
import { placesAt } from '../spec/places.ts';
import { checkSchema, valueAt } from '../spec/schema-findings.ts';
import { hasTemplate } from '../expressions/template.ts';
import { evaluateTemplate } from '../expressions/evaluate.ts';
import type { ExpressionScope } from '../expressions/scope.ts';

type Input = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];

/** Whether a stage needs the agent, as far as its unevaluated input shows; yes when only the run can decide. */
export function staticallyNeedsAgent({ needsAgent }: StageDefinition, input: Input): boolean {
  if (typeof needsAgent === 'boolean') return needsAgent;
  return needsAgent.some((dotted) => isThere(input, dotted.split('.')));
}

/** Whether there is a value at a path, or an expression that may give one. */
function isThere(value: unknown, [key, ...rest]: readonly string[]): boolean {
  if (typeof value === 'string' && hasTemplate(value)) return true;
  if (key === undefined) return value !== undefined;
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? isThere((value as Record<string, unknown>)[key], rest)
    : false;
}

/**
 * A stage's input, ready for its kind: expressions evaluated everywhere but in scripts, then parsed by the kind's fields.
 * The value of an expression takes the type that the field wants ("8080" for a number), and an optional field whose
 * expression gives an empty text is left out.
 * @throws InputError that lists every field that is still wrong
 */
export async function evaluateStageInput(
  kind: StageDefinition,
  input: Input,
  scope: ExpressionScope,
): Promise<Readonly<Record<string, unknown>>> {
  const evaluation = new Evaluation(scope, kind, input);
  const evaluated = (await evaluation.value(input, [])) as Input;
  const schema = z.strictObject({ ...kind.fields });
  const first = schema.safeParse(evaluated);
  if (first.success) return first.data;
  const adapted = structuredClone(evaluated) as Record<string, unknown>;
  for (const issue of flatten(first.error.issues, [])) {
    if (evaluation.isExpression(issue.path)) adapt(adapted, issue);
  }
  const second = schema.safeParse(adapted);
  if (second.success) return second.data;
  const problems = checkSchema(schema, adapted).map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new InputError(problems.join('\n'), { hint: 'an expression gave a value that does not fit' });
}

/** Evaluates the strings of an input and remembers which ones were expressions. */
class Evaluation {
  readonly #scope: ExpressionScope;
  readonly #scripts: ReadonlySet<string>;
  /** Where {@link StageDefinition.lateNames} are. */
  readonly #late: ReadonlySet<string>;
  readonly #lateNames: readonly string[];
  readonly #expressions = new Set<string>();

  constructor(scope: ExpressionScope, { scripts, lateNames }: StageDefinition, input: Input) {
    this.#scope = scope;
    this.#scripts = pathsIn(input, scripts);
    this.#late = pathsIn(input, lateNames?.at ?? []);
    this.#lateNames = lateNames?.names ?? [];
  }

  isExpression(path: Path): boolean {
    return this.#expressions.has(path.join('\n'));
  }

  async value(value: unknown, path: Path): Promise<unknown> {
    const at = path.join('\n');
    if (this.#scripts.has(at)) return value;
    if (typeof value === 'string') {
      if (!hasTemplate(value)) return value;
      this.#expressions.add(at);
      return evaluateTemplate(value, this.#scope, this.#late.has(at) ? this.#lateNames : []);
    }
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const [index, item] of value.entries()) items.push(await this.value(item, [...path, index]));
      return items;
    }
    if (typeof value !== 'object' || value === null) return value;
    const entries: [string, unknown][] = [];
    for (const [key, item] of Object.entries(value))
      entries.push([key, await this.value(item, [...path, key])]);
    return Object.fromEntries(entries);
  }
}

function pathsIn(input: Input, dotted: readonly string[]): ReadonlySet<string> {
  return new Set(dotted.flatMap((each) => placesAt(input, each)).map(({ path }) => path.join('\n')));
}

interface Mismatch {
  path: Path;
  expected: string | undefined;
}

/** Every issue with its whole path, those inside unions too. */
function flatten(issues: readonly z.core.$ZodIssue[], at: Path): Mismatch[] {
  return issues.flatMap((issue) => {
    const path = [...at, ...issue.path.map(String)];
    if (issue.code === 'invalid_union') return issue.errors.flatMap((option) => flatten(option, path));
    return [{ path, expected: issue.code === 'invalid_type' ? issue.expected : undefined }];
  });
}

function adapt(input: Record<string, unknown>, { path, expected }: Mismatch): void {
  const parent = valueAt(input, path.slice(0, -1)) as Record<string | number, unknown> | undefined;
  const key = path.at(-1);
  if (parent === undefined || key === undefined) return;
  const value = parent[key];
  if ((value === '' || value === null) && !Array.isArray(parent)) Reflect.deleteProperty(parent, key);
  else parent[key] = convert(value, expected);
}

function convert(value: unknown, expected: string | undefined): unknown {
  switch (expected) {
    case 'string':
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    case 'number':
      return typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
        ? Number(value)
        : value;
    case 'boolean':
      return value === 'true' || value === 'false' ? value === 'true' : value;
    default:
      return value;
  }
}
