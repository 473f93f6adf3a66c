import { createRequire } from 'node:module';
import type * as Re2 from 're2js';
import { InputError } from './errors.ts';
import { patternSize, unsupportedPart } from './pattern-syntax.ts';

/** What a pattern may be at most, and what a test of it may cost: bounds of the time that one takes (seconds). */
const limits = {
  /** Characters of a pattern. */
  length: 1000,
  /** Characters of a pattern with its repetitions written out; RE2 makes about as many states of it. */
  size: 5000,
  /** The same times the characters of the text. */
  work: 20_000_000,
};

/** A pattern that is not one, or more than is tried. `offset` is in characters of the pattern. */
export class PatternError extends InputError {
  override readonly code = 'pattern';
  readonly offset: number;

  constructor(message: string, offset: number, options: ConstructorParameters<typeof InputError>[1] = {}) {
    super(message, options);
    this.offset = offset;
  }
}

/**
 * A regular expression that a user has written, in RE2's syntax: its time grows with the length of the text and never
 * explodes, as that of JavaScript's own does for `(a+)+$`. So there are no look-arounds and no back-references.
 * https://github.com/google/re2/wiki/Syntax
 */
export class Pattern {
  readonly source: string;
  /** About the states that it has: what a test costs a character. */
  readonly size: number;
  readonly #expression: Re2.RE2JS;

  /** @throws PatternError */
  constructor(source: string) {
    this.source = source;
    const unsupported = unsupportedPart(source);
    if (unsupported !== undefined) {
      throw new PatternError(`a pattern cannot have ${unsupported.what}`, unsupported.offset, {
        hint: 'patterns are written in the syntax of RE2',
      });
    }
    this.size = patternSize(source);
    if (source.length > limits.length || this.size > limits.size) {
      const message = `a pattern has at most ${String(limits.length)} characters, and ${String(limits.size)} with its repetitions written out`;
      throw new PatternError(message, 0);
    }
    this.#expression = compile(source);
  }

  /** Whether the whole text is such. @throws PatternError when the text is too long for this pattern */
  matches(text: string): boolean {
    this.#assertShort(text);
    return this.#expression.testExact(text);
  }

  /** Whether any part of the text is such. @throws PatternError when the text is too long for this pattern */
  isFoundIn(text: string): boolean {
    this.#assertShort(text);
    return this.#expression.test(text);
  }

  #assertShort(text: string): void {
    const most = Math.floor(limits.work / this.size);
    if (text.length <= most) return;
    const message = `the pattern ${this.source} is tried on at most ${String(most)} characters, not on ${String(text.length)}`;
    throw new PatternError(message, 0);
  }
}

let library: typeof Re2 | undefined;

/** Most files have no pattern, so the library is loaded by the first one; at once, since checking a file waits for nothing. */
function re2(): typeof Re2.RE2JS {
  library ??= createRequire(import.meta.url)('re2js') as typeof Re2;
  return library.RE2JS;
}

function compile(source: string): Re2.RE2JS {
  try {
    return re2().compile(source);
  } catch (error) {
    const { error: what, input } = error as { error?: string; input?: string };
    if (what === undefined) throw error;
    const found = input === undefined || input === '' ? '' : `: ${input}`;
    const offset = input === undefined ? 0 : Math.max(0, source.indexOf(input));
    throw new PatternError(`not a regular expression: ${what}${found}`, offset, { cause: error });
  }
}
