import type { Environment } from '@marcbachmann/cel-js';
import { InputError, InternalError } from '../base/errors.ts';
import { Pattern } from '../base/pattern.ts';
import type { Budget } from './budget.ts';
import { weigh } from './weight.ts';

/** A node of the library's syntax tree, as far as evaluating goes. */
interface Node {
  readonly op: string;
  readonly args: unknown;
  evaluate(evaluator: Evaluator, node: Node, context: unknown): unknown;
}

/** The library's evaluator: every node but the first is evaluated by its `run`. */
interface Evaluator {
  run(node: Node, context: unknown): unknown;
}

/** Operations whose work grows with what they work on. */
const working = new Set(['call', 'rcall', '!=', '==', 'in', '+', '-', '*', '/', '%', '<', '<=', '>', '>=']);

/** Operations that make a value. */
const making = new Set([...working, 'list', 'map']);

/** Characters that `duration` takes: the library's time grows with the cube of them. */
const longestDuration = 100;

/**
 * Evaluates an expression within a budget. The library bounds what an expression may be, not what it does: nested macros
 * multiply, strings grow, and its `matches` uses JavaScript's patterns, whose time explodes. So each step is counted here,
 * and what cannot be counted from outside is done here.
 * @throws ExpressionLimitError, PatternError, and what the library throws
 */
export function evaluateWithin(
  budget: Budget,
  language: Environment,
  expression: { source: string; bindings: Record<string, unknown> },
): unknown {
  const parsed = language.parse(expression.source);
  const root = parsed.ast as unknown as Node;
  const steps = new Steps(budget);
  const evaluate = root.evaluate.bind(root);
  root.evaluate = (evaluator, node, context) => {
    root.evaluate = evaluate;
    evaluator.run = (inner, at) => steps.run(evaluator, inner, at);
    return evaluator.run(node, context);
  };
  const value: unknown = parsed(expression.bindings);
  if (!steps.counted) throw new InternalError('the CEL library evaluates in a way that is not counted');
  return whenKnown(value, (known) => {
    budget.spendOn(known);
    return known;
  });
}

/** Counts the steps of one evaluation. */
class Steps {
  readonly #budget: Budget;
  readonly #operands = new WeakSet();
  readonly #patterns = new Map<string, Pattern>();
  /** Values of operands that were evaluated here, for the library to find. */
  readonly #given = new Map<Node, unknown>();
  counted = false;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  run(evaluator: Evaluator, node: Node, context: unknown): unknown {
    this.counted = true;
    if (this.#given.has(node)) return this.#take(node);
    this.#budget.spend(1);
    if (working.has(node.op)) for (const operand of operandsOf(node)) this.#operands.add(operand);
    const value = isOwn(calledName(node))
      ? this.#evaluateOwn(evaluator, node, context)
      : node.evaluate(evaluator, node, context);
    return whenKnown(value, (known) => this.#measure(node, known));
  }

  #measure(node: Node, value: unknown): unknown {
    if (making.has(node.op)) this.#budget.assertSize(weigh(value));
    if (this.#operands.has(node)) this.#budget.spendOn(value);
    return value;
  }

  #take(node: Node): unknown {
    const value = this.#given.get(node);
    this.#given.delete(node);
    return value;
  }

  /** Does what is not left to the library, or leaves it the operands after a look at them. */
  #evaluateOwn(evaluator: Evaluator, node: Node, context: unknown): unknown {
    const operands = operandsOf(node);
    const values = operands.map((operand) => evaluator.run(operand, context));
    const resolved = values.some((value) => value instanceof Promise) ? Promise.all(values) : values;
    return whenKnown(resolved, (known) => {
      const [first, second] = known as unknown[];
      const name = calledName(node);
      if (name === 'matches' && typeof first === 'string' && typeof second === 'string') {
        return this.#matches(first, second);
      }
      if (name === 'join') this.#assertJoined(first, second);
      if (name === 'duration') assertShortDuration(first);
      for (const [index, operand] of operands.entries())
        this.#given.set(operand, (known as unknown[])[index]);
      return node.evaluate(evaluator, node, context);
    });
  }

  /** A list joined by a separator may be as long as one times the other. */
  #assertJoined(list: unknown, separator: unknown): void {
    if (!Array.isArray(list)) return;
    this.#budget.assertSize(
      weigh(list) + (typeof separator === 'string' ? separator.length * list.length : 0),
    );
  }

  #matches(text: string, source: string): boolean {
    let pattern = this.#patterns.get(source);
    if (pattern === undefined) {
      this.#budget.spend(20 * source.length);
      this.#patterns.set(source, (pattern = new Pattern(source)));
      this.#budget.spend(2 * pattern.size);
    }
    this.#budget.spend(Math.ceil((pattern.size * text.length) / 100));
    return pattern.isFoundIn(text);
  }
}

function whenKnown(value: unknown, then: (known: unknown) => unknown): unknown {
  return value instanceof Promise ? value.then(then) : then(value);
}

function isOwn(name: string | undefined): boolean {
  return name === 'matches' || name === 'join' || name === 'duration';
}

function assertShortDuration(text: unknown): void {
  if (typeof text !== 'string' || text.length <= longestDuration) return;
  throw new InputError(`duration() takes at most ${String(longestDuration)} characters`);
}

/** The name of the function or method that a node calls. */
function calledName({ op, args }: Node): string | undefined {
  return op === 'call' || op === 'rcall' ? (args as [string])[0] : undefined;
}

/** What an operation works on: of a method the receiver too. */
function operandsOf({ op, args }: Node): readonly Node[] {
  if (op === 'call') return (args as [string, Node[]])[1];
  if (op !== 'rcall') return args as Node[];
  const [, receiver, others] = args as [string, Node, Node[]];
  return [receiver, ...others];
}
