import { joinLines } from './joined-lines.ts';
import { PatternSet, type Interval } from './pattern-set.ts';
import { secretForms } from './secret-forms.ts';

/** What stands in place of a secret. */
export const maskText = '***';

/** The forms of all secrets, ready to be searched for. */
export interface SecretPatterns {
  plain: PatternSet;
  /** Searched for in lines that were joined. */
  wrapped: PatternSet;
}

/** Knows the secrets of a run and takes them out of texts and streams. */
export class Masker {
  readonly #plain = new Set<string>();
  readonly #wrapped = new Set<string>();
  #patterns: SecretPatterns | undefined;

  /**
   * Adds a secret's value in all its forms. Streams that are open take it into account from their next chunk on.
   * @returns whether a part of it is too short to be masked, of which the user should be warned
   */
  add(value: Buffer): { weak: boolean } {
    const { plain, wrapped, weak } = secretForms(value);
    for (const form of plain) this.#plain.add(form);
    for (const form of wrapped) this.#wrapped.add(form);
    this.#patterns = undefined;
    return { weak };
  }

  /** What is searched for, for {@link MaskedStream}; undefined as long as there is no secret. */
  get patterns(): SecretPatterns | undefined {
    if (this.#plain.size + this.#wrapped.size === 0) return undefined;
    this.#patterns ??= {
      plain: new PatternSet(this.#plain),
      wrapped: new PatternSet(this.#wrapped),
    };
    return this.#patterns;
  }

  /** A complete text without its secrets. */
  text(text: string): string {
    if (this.patterns === undefined) return text;
    const stream = new MaskedStream(this);
    return Buffer.concat([stream.push(Buffer.from(text)), stream.end()]).toString('utf8');
  }

  /** A copy of plain data with every string in it masked; Buffers are kept as they are. */
  data<T>(data: T): T {
    return this.patterns === undefined ? data : (this.#copy(data) as T);
  }

  #copy(data: unknown): unknown {
    if (typeof data === 'string') return this.text(data);
    if (Buffer.isBuffer(data)) return data;
    if (Array.isArray(data)) return data.map((item) => this.#copy(item));
    if (typeof data === 'object' && data !== null) {
      return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, this.#copy(value)]));
    }
    return data;
  }
}

/**
 * Takes secrets out of a stream of bytes, also where one is cut in two by a chunk border: the end of a chunk that may
 * be the beginning of a secret is held back until the next chunk, at most the longest pattern less one byte.
 */
export class MaskedStream {
  readonly #masker: Masker;
  #held: Buffer = Buffer.alloc(0);
  /** Bytes at the start of what is held that belong to a secret whose mask was shown; 0: one ended just before. */
  #maskedUntil: number | undefined;

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  /** The bytes that may be shown now. */
  push(chunk: Buffer): Buffer {
    const { patterns } = this.#masker;
    if (patterns === undefined) return chunk;
    const data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const { secrets, open } = search(data, patterns);
    return this.#take(data, open, secrets);
  }

  /** What was held back, at the end of the stream. */
  end(): Buffer {
    const { patterns } = this.#masker;
    if (patterns === undefined) return this.#held; // a masker forgets no secret: nothing was held
    return this.#take(this.#held, this.#held.length, search(this.#held, patterns).secrets);
  }

  /** Shows `data` up to `until` and holds the rest. */
  #take(data: Buffer, until: number, found: readonly Interval[]): Buffer {
    const begun = this.#maskedUntil === undefined ? [] : [{ start: 0, end: this.#maskedUntil }];
    const secrets = merge([...begun, ...found]);
    const pieces: Buffer[] = [];
    let position = 0;
    for (const [index, secret] of secrets.entries()) {
      if (secret.start >= until) break;
      pieces.push(data.subarray(position, secret.start));
      if (index > 0 || begun.length === 0) pieces.push(Buffer.from(maskText));
      position = Math.min(secret.end, until);
    }
    pieces.push(data.subarray(position, until));
    const crossing = secrets.find((secret) => secret.start < until && secret.end >= until);
    if (until > 0) {
      this.#maskedUntil = crossing === undefined ? undefined : crossing.end - until;
    }
    this.#held = Buffer.from(data.subarray(until));
    const [only] = pieces;
    return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces); // most chunks hold no secret
  }
}

/** Where secrets stand in the data, and from where on its end may be the beginning of one. */
function search(data: Buffer, patterns: SecretPatterns): { secrets: Interval[]; open: number } {
  const plain = patterns.plain.search(data);
  const joined = joinLines(data);
  const wrapped = patterns.wrapped.search(joined.bytes);
  const inLines = wrapped.found.map(({ start, end }) => ({
    start: joined.positionOf(start),
    end: joined.positionOf(end - 1) + 1,
  }));
  return {
    secrets: plain.found.concat(inLines),
    open: Math.min(data.length - plain.open, joined.positionOf(joined.bytes.length - wrapped.open)),
  };
}

/** The same places in order, overlapping and touching ones made one. */
function merge(intervals: Interval[]): Interval[] {
  const merged: Interval[] = [];
  for (const interval of intervals.sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && interval.start <= last.end) last.end = Math.max(last.end, interval.end);
    else merged.push({ ...interval });
  }
  return merged;
}
