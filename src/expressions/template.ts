import { InputError } from '../base/errors.ts';

/** A piece of a string: text as it is, or an expression. */
export type TemplatePart =
  | { type: 'text'; text: string }
  /** `offset`: of the expression's first character in the string. */
  | { type: 'expression'; source: string; offset: number };

/** Whether a string holds `${{`. */
export function hasTemplate(text: string): boolean {
  return text.includes('${{');
}

/**
 * Splits a string at its `${{ }}`. Quoted text inside an expression may hold `}}`.
 * @throws InputError when one is not closed or is empty
 */
export function parseTemplate(text: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let position = 0;
  while (position < text.length) {
    const open = text.indexOf('${{', position);
    if (open === -1) {
      parts.push({ type: 'text', text: text.slice(position) });
      break;
    }
    if (open > position) parts.push({ type: 'text', text: text.slice(position, open) });
    const close = endOfExpression(text, open + 3);
    if (close === -1) throw new InputError('"${{" is not closed', { hint: 'end the expression with }}' });
    const inner = text.slice(open + 3, close);
    if (inner.trim() === '') throw new InputError('the expression is empty');
    const lead = inner.length - inner.trimStart().length;
    parts.push({ type: 'expression', source: inner.trim(), offset: open + 3 + lead });
    position = close + 2;
  }
  return parts;
}

/** The position of the `}}` that ends an expression: outside of quotes and of the braces of CEL maps. */
function endOfExpression(text: string, start: number): number {
  let quote = '';
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    const char = text[index] ?? '';
    if (quote !== '') {
      if (char === '\\') index++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '{') depth++;
    else if (char === '}' && depth > 0) depth--;
    else if (char === '}' && text[index + 1] === '}') return index;
  }
  return -1;
}
