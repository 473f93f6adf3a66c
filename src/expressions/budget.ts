import { InputError } from '../base/errors.ts';
import { weigh } from './weight.ts';

/**
 * What evaluating may cost, so that no expression keeps the run from renewing its lease. A step takes about a
 * microsecond: one for each operation, and one more for each hundred characters or elements that it works on.
 */
const limits = {
  /** Steps of one expression. */
  expression: 100_000,
  /** Steps of all expressions that read the same scope: those of one stage. */
  scope: 300_000,
  /** Characters and elements of one value. */
  size: 1_000_000,
};

/** Characters of an expression that a message shows. */
const longestShown = 200;

/** An expression that costs more than it may. */
export class ExpressionLimitError extends InputError {
  override readonly code = 'expression-limit';
}

/** Steps that the expressions of one scope have taken. */
const taken = new WeakMap<object, number>();

/** Counts what one expression costs. */
export class Budget {
  readonly #source: string;
  readonly #scope: object;
  #steps = 0;
  #exceeded: ExpressionLimitError | undefined;

  constructor(source: string, scope: object) {
    this.#source = source;
    this.#scope = scope;
  }

  /**
   * Every further call throws the same again: operators that try both sides drop the error of one.
   * @throws ExpressionLimitError
   */
  spend(steps: number): void {
    if (this.#exceeded !== undefined) throw this.#exceeded;
    this.#steps += steps;
    const total = (taken.get(this.#scope) ?? 0) + steps;
    taken.set(this.#scope, total);
    if (this.#steps > limits.expression) {
      this.#exceed(`takes more than ${shown(limits.expression)} steps`);
    }
    if (total > limits.scope) {
      this.#exceed(`and the others of its stage take more than ${shown(limits.scope)} steps together`);
    }
  }

  /** Spends what working on a value costs. @throws ExpressionLimitError */
  spendOn(value: unknown): void {
    this.spend(Math.floor(weigh(value) / 100));
  }

  /** @throws ExpressionLimitError when a value is larger than one may be */
  assertSize(size: number): void {
    if (size > limits.size) {
      this.#exceed(`makes a value of more than ${shown(limits.size)} characters and elements`);
    }
  }

  #exceed(what: string): never {
    this.#exceeded ??= new ExpressionLimitError(`the expression ${shortened(this.#source)} ${what}`, {
      hint: 'compute it in a script and write it to $SLIPWAY_OUTPUT',
    });
    throw this.#exceeded;
  }
}

/** An expression as messages name it. */
export function shortened(source: string): string {
  return source.length > longestShown ? `${source.slice(0, longestShown)} …` : source;
}

function shown(count: number): string {
  return count.toLocaleString('en-US');
}
