import type { ASTNode, Environment } from '@marcbachmann/cel-js';
import { expressionLanguage, toExpressionError, type ExpressionError } from './language.ts';

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
  /** Patterns that `matches` is given as they are. */
  patterns: readonly LiteralPattern[];
}

/** A pattern that stands in an expression; its offset is that of its quote. */
export interface LiteralPattern {
  source: string;
  offset: number;
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
  const patterns: LiteralPattern[] = [];
  collect(ast, new Set(), { references, functions, patterns });
  return { source, references, functions, patterns };
}

/** Checks types as far as they are known before a run: unknown functions, `1 + "a"`. */
export function checkExpression(source: string): ExpressionError | undefined {
  const { error } = parsing().check(source);
  return error === undefined ? undefined : toExpressionError(error);
}

interface Found {
  references: Reference[];
  functions: string[];
  patterns: LiteralPattern[];
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
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    const [pattern] = node.args[2];
    if (pattern?.op === 'value' && typeof pattern.args === 'string') {
      found.patterns.push({ source: pattern.args, offset: pattern.start });
    }
  }
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
