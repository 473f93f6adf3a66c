import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import { InputError } from '../base/errors.ts';

/** Names that an expression may begin with. */
export const expressionRoots = ['params', 'env', 'git', 'trigger', 'run', 'stages', 'matrix'] as const;

/** One of them. */
export type ExpressionRoot = (typeof expressionRoots)[number];

/** A use of one of the roots: `stages.build.outputs.version` is root `stages` with keys `build`, `outputs`, `version`. */
export interface Reference {
  root: string;
  /** The keys that are literal, until the first that is computed. */
  keys: readonly string[];
  /** Characters into the expression. */
  offset: number;
}

/** A parsed expression. */
export interface Expression {
  source: string;
  references: readonly Reference[];
  /** Names of the functions that it calls on no receiver. */
  functions: readonly string[];
}

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

let parsingLanguage: Environment | undefined;

/** The language for reading files, made when the first expression is met. */
function parsing(): Environment {
  return (parsingLanguage ??= expressionLanguage(() => Promise.resolve('')));
}

/**
 * Parses an expression and lists what it uses.
 * @throws ExpressionError
 */
export function parseExpression(source: string): Expression {
  let ast: ASTNode;
  try {
    ast = parsing().parse(source).ast;
  } catch (error) {
    throw toExpressionError(error);
  }
  const references: Reference[] = [];
  const functions: string[] = [];
  collect(ast, new Set(), { references, functions });
  return { source, references, functions };
}

/** Checks types as far as they are known before a run: unknown functions, `1 + "a"`. */
export function checkExpression(source: string): ExpressionError | undefined {
  const { error } = parsing().check(source);
  return error === undefined ? undefined : toExpressionError(error);
}

/** An error of the CEL library as ours. */
export function toExpressionError(error: unknown): ExpressionError {
  if (error instanceof ExpressionError) return error;
  const { summary, range } = error as { summary?: string; range?: { start: number } };
  const message = summary ?? (error instanceof Error ? error.message : String(error));
  return new ExpressionError(message, range?.start ?? 0, error);
}

interface Found {
  references: Reference[];
  functions: string[];
}

/** Macros that bind a name for their later arguments: `list.all(x, x > 1)`. */
const binding = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

function collect(node: ASTNode, bound: ReadonlySet<string>, found: Found): void {
  const chain = memberChain(node);
  if (chain !== undefined) {
    if (!bound.has(chain.root)) found.references.push(chain);
    return;
  }
  if (node.op === 'call') found.functions.push(node.args[0]);
  if (node.op === 'rcall' && binding.has(node.args[0])) {
    const [, receiver, rest] = node.args;
    collect(receiver, bound, found);
    const [name, ...bodies] = rest;
    const inner = name?.op === 'id' ? new Set([...bound, name.args]) : bound;
    for (const body of bodies) collect(body, inner, found);
    return;
  }
  for (const child of childrenOf(node.args)) collect(child, bound, found);
}

/** `a.b["c"]` as root and keys; undefined when the node is something else. A computed key ends the chain. */
function memberChain(node: ASTNode): Reference | undefined {
  if (node.op === 'id') return { root: node.args, keys: [], offset: node.start };
  if (node.op === '.' || node.op === '.?') {
    const inner = memberChain(node.args[0]);
    return inner && { ...inner, keys: [...inner.keys, node.args[1]] };
  }
  if ((node.op === '[]' || node.op === '[?]') && node.args[1].op === 'value') {
    const inner = memberChain(node.args[0]);
    const key = node.args[1].args;
    return inner && { ...inner, keys: [...inner.keys, typeof key === 'string' ? key : String(key)] };
  }
  return undefined;
}

function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  if (typeof args === 'object' && args !== null && 'op' in args && 'args' in args) return [args as ASTNode];
  return [];
}
