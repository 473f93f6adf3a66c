import type { ExpressionRoot } from '../expressions/names.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { parseTemplate } from '../expressions/template.ts';
import type { Plan } from '../plan/plan.ts';
import { stringsIn } from '../spec/places.ts';

/** What a plan has values of. `git` is known where there is a checkout. */
const planned: readonly ExpressionRoot[] = ['params', 'trigger', 'matrix'];

/** Whether an expression has the same value before the run as in it. @param more roots that are known besides */
export function isKnownBeforeRun(source: string, more: readonly ExpressionRoot[] = []): boolean {
  const { references, functions } = parseExpression(source);
  const known: readonly string[] = [...planned, ...more];
  return references.every(({ root }) => known.includes(root)) && !functions.includes('hashFiles');
}

/** {@link isKnownBeforeRun} for a text with `${{ }}` in it. */
export function isTextKnownBeforeRun(text: string, more: readonly ExpressionRoot[] = []): boolean {
  return parseTemplate(text).every((part) => part.type === 'text' || isKnownBeforeRun(part.source, more));
}

/** {@link isKnownBeforeRun} for plain data with `${{ }}` in its texts. */
export function isDataKnownBeforeRun(data: unknown): boolean {
  return stringsIn(data).every(({ value }) => isTextKnownBeforeRun(value));
}

/**
 * Whether the file alone tells plain data that has `${{ }}` in it: by parameters that have a default.
 * @param parameters those that have one
 */
export function isKnownFromFile(data: unknown, parameters: Plan['parameters']): boolean {
  return stringsIn(data).every(({ value }) =>
    parseTemplate(value).every((part) => part.type === 'text' || isOfParameters(part.source, parameters)),
  );
}

function isOfParameters(source: string, parameters: Plan['parameters']): boolean {
  const { references, functions } = parseExpression(source);
  const isDefault = (name: string | undefined) => name !== undefined && Object.hasOwn(parameters, name);
  return (
    references.every(({ root, keys: [name] }) => root === 'params' && isDefault(name)) &&
    !functions.includes('hashFiles')
  );
}
