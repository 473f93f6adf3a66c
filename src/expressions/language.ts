import { Environment } from '@marcbachmann/cel-js';
import { InputError } from '../base/errors.ts';
import { expressionRoots } from './names.ts';

/** A fault in an expression; `offset` is in characters of its source. */
export class ExpressionError extends InputError {
  override readonly code = 'expression';
  readonly offset: number;

  constructor(message: string, offset: number, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.offset = offset;
  }
}

const maxHashedPatterns = 8;
const limits = { maxAstNodes: 500, maxDepth: 40, maxListElements: 100, maxMapEntries: 100 };

/** How `hashFiles('a', 'b')` is answered. */
export type HashFiles = (patterns: readonly string[]) => Promise<string>;

/**
 * The language of expressions: CEL (https://cel.dev, by a library) with the roots as dynamic variables and the function
 * `hashFiles(pattern, ...)`.
 */
export function expressionLanguage(hashFiles: HashFiles): Environment {
  const language = new Environment({ homogeneousAggregateLiterals: false, limits });
  for (const root of expressionRoots) language.registerVariable(root, 'dyn');
  for (let count = 1; count <= maxHashedPatterns; count++) {
    const types = Array.from({ length: count }, () => 'string').join(', ');
    language.registerFunction(`hashFiles(${types}): string`, (...patterns: string[]) => hashFiles(patterns));
  }
  return language;
}

/** An error of the CEL library as ours. */
export function toExpressionError(error: unknown): ExpressionError {
  if (error instanceof ExpressionError) return error;
  const { summary, range } = error as { summary?: string; range?: { start: number } };
  const message = summary ?? (error instanceof Error ? error.message : String(error));
  return new ExpressionError(message, range?.start ?? 0, error);
}
