import type { ExpressionRoot } from '../expressions/names.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { parseTemplate } from '../expressions/template.ts';

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
