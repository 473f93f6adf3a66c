import { InputError, InternalError } from '../base/errors.ts';
import { evaluateWithin } from './bounded-evaluation.ts';
import { Budget, ExpressionLimitError, shortened } from './budget.ts';
import { expressionLanguage, toExpressionError } from './language.ts';
import { parseExpression } from './parse-expression.ts';
import { toBindings, type ExpressionScope } from './scope.ts';
import { hasTemplate, parseTemplate, type TemplatePart } from './template.ts';

/** Data that an expression may give. */
export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };

/**
 * Evaluates a CEL expression.
 * @throws InputError that names the expression
 */
export async function evaluateExpression(source: string, scope: ExpressionScope): Promise<Value> {
  try {
    return toValue(await run(source, scope));
  } catch (error) {
    throw evaluationError(source, error);
  }
}

/**
 * Evaluates a `when`.
 * @throws InputError when the expression fails or gives neither true nor false
 */
export async function evaluateCondition(source: string, scope: ExpressionScope): Promise<boolean> {
  return trueOrFalse(source, await evaluateExpression(source, scope));
}

/**
 * As evaluateCondition, at once: for a condition on what was measured.
 * @throws InputError when the expression fails or gives neither true nor false
 */
export function evaluateConditionNow(source: string, scope: ExpressionScope): boolean {
  return trueOrFalse(source, evaluateNow(source, scope));
}

function trueOrFalse(source: string, value: Value): boolean {
  if (typeof value === 'boolean') return value;
  throw new InputError(
    `the condition ${shortened(source)} gives ${JSON.stringify(value)}, not true or false`,
  );
}

/**
 * Evaluates the `${{ }}` of a string. A string that is one expression and nothing else gives the expression's value with
 * its type; all others give text.
 * @param late names of what is known only later: an expression that uses one stays as it is
 * @throws InputError that names the expression
 */
export async function evaluateTemplate(
  text: string,
  scope: ExpressionScope,
  late: readonly string[] = [],
): Promise<Value> {
  if (!hasTemplate(text)) return text;
  const parts = parseTemplate(text);
  if (late.length > 0) return evaluateEarly(parts, scope, late);
  const values: Value[] = [];
  for (const part of parts)
    values.push(part.type === 'text' ? part.text : await evaluateExpression(part.source, scope));
  return join(parts, values);
}

/** A template of what is left for later; a value that looks like an expression becomes one that gives this text. */
async function evaluateEarly(
  parts: readonly TemplatePart[],
  scope: ExpressionScope,
  late: readonly string[],
): Promise<string> {
  let template = '';
  let text = '';
  for (const part of parts) {
    if (part.type === 'text') text += part.text;
    else if (!usesAny(part.source, late)) text += toText(await evaluateExpression(part.source, scope));
    else {
      template += `${literal(text)}\${{ ${part.source} }}`;
      text = '';
    }
  }
  return template + literal(text);
}

function literal(text: string): string {
  return text.replaceAll('${{', '${{ "$" }}{{');
}

function usesAny(source: string, roots: readonly string[]): boolean {
  return parseExpression(source).references.some(({ root }) => roots.includes(root));
}

/** As evaluateTemplate, as text. */
export async function evaluateText(text: string, scope: ExpressionScope): Promise<string> {
  return toText(await evaluateTemplate(text, scope));
}

/**
 * As evaluateText, at once: for expressions that do not use hashFiles.
 * @throws InputError
 */
export function evaluateTextNow(text: string, scope: ExpressionScope): string {
  if (!hasTemplate(text)) return text;
  const parts = parseTemplate(text);
  const values = parts.map((part) => (part.type === 'text' ? part.text : evaluateNow(part.source, scope)));
  return toText(join(parts, values));
}

function evaluateNow(source: string, scope: ExpressionScope): Value {
  try {
    const value = run(source, scope);
    if (value instanceof Promise) {
      value.catch(() => undefined); // Refused here; its own failure adds nothing.
      throw new InputError('hashFiles needs the checkout, which does not exist yet');
    }
    return toValue(value);
  } catch (error) {
    throw evaluationError(source, error);
  }
}

/** What hashFiles failed with (a lost agent) keeps its own class; all other errors of an evaluation are the file's fault. */
class HashFilesFailure extends Error {
  readonly error: unknown;

  constructor(error: unknown) {
    super('hashFiles failed');
    this.error = error;
  }
}

function run(source: string, scope: ExpressionScope): unknown {
  const { hashFiles } = scope;
  const language = expressionLanguage(async (patterns) => {
    if (hashFiles === undefined) throw new InputError('hashFiles needs a checkout');
    try {
      return await hashFiles(patterns);
    } catch (error) {
      throw new HashFilesFailure(error);
    }
  });
  return evaluateWithin(new Budget(source, scope), language, { source, bindings: toBindings(scope) });
}

function evaluationError(source: string, error: unknown): Error {
  if (error instanceof HashFilesFailure) return error.error instanceof Error ? error.error : error;
  if (error instanceof ExpressionLimitError || error instanceof InternalError) return error;
  const { message } = toExpressionError(error);
  const hint = error instanceof InputError && error.hint !== undefined ? { hint: error.hint } : {};
  return new InputError(`the expression ${shortened(source)} failed: ${message}`, { ...hint, cause: error });
}

function join(parts: readonly TemplatePart[], values: readonly Value[]): Value {
  const [only] = values;
  if (parts.length === 1 && only !== undefined) return only;
  return values.map(toText).join('');
}

/** A value as text: lists and objects as JSON, null as nothing. */
export function toText(value: Value): string {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** CEL's values as plain data: whole numbers as number, times as text, durations as milliseconds. */
function toValue(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(toValue);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return toValue(Object.fromEntries(value as Map<string, unknown>));
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toValue(item)]));
  }
  // Unsigned integers and durations (milliseconds) of the library.
  const primitive: unknown = value.valueOf();
  return typeof primitive === 'object' ? null : toValue(primitive);
}
