/** What stands in place of a secret. */
export const maskText = '***';

/** Shorter texts are not masked: they would blot out ordinary output. Callers warn about such secrets. */
export const shortestMasked = 4;

/**
 * Every form in which a secret's value may turn up in output: itself, each of its lines, base64 (standard, URL-safe,
 * and at the three byte alignments), URL-encoded, JSON-escaped and shell-quoted. Texts under
 * {@link shortestMasked} characters are left out.
 */
export function secretForms(value: Buffer): string[] {
  const text = value.toString('utf8');
  const forms = new Set<string>();
  for (const form of [text, text.trim(), ...text.split(/\r?\n/).map((line) => line.trim())]) {
    forms.add(form);
    forms.add(encodeURIComponent(form.toWellFormed()));
    forms.add(JSON.stringify(form).slice(1, -1));
    forms.add(form.replaceAll("'", `'\\''`));
    forms.add(form.replaceAll("'", `'"'"'`));
  }
  for (const bytes of [value, Buffer.from(text.trim())]) {
    for (const form of base64Forms(bytes)) forms.add(form);
  }
  return [...forms].filter((form) => form.length >= shortestMasked);
}

/** The base64 of `bytes` wherever they may stand in a longer text: only characters that depend on nothing around them. */
function base64Forms(bytes: Buffer): string[] {
  if (bytes.length < shortestMasked) return [];
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const whole = (before + bytes.length) % 3 === 0;
    const stable = encoded.slice(before === 0 ? 0 : before + 1, whole ? undefined : -1);
    if (stable.length >= 8) forms.push(stable, stable.replaceAll('+', '-').replaceAll('/', '_'));
  }
  forms.push(bytes.toString('base64'));
  return forms;
}

/** A run of bytes: from `start` up to, not including, `end`. */
interface Interval {
  start: number;
  end: number;
}

/** Knows the secrets of a run and takes them out of texts and streams. */
export class Masker {
  #patterns: Buffer[] = [];
  readonly #known = new Set<string>();

  /** Adds a secret's value in all its forms. Streams that are open take it into account from their next chunk on. */
  add(value: Buffer): void {
    for (const form of secretForms(value)) this.#known.add(form);
    this.#patterns = [...this.#known].map((form) => Buffer.from(form));
  }

  /** The patterns, for {@link MaskedStream}. */
  get patterns(): readonly Buffer[] {
    return this.#patterns;
  }

  /** A complete text without its secrets. */
  text(text: string): string {
    if (this.#patterns.length === 0) return text;
    const stream = new MaskedStream(this);
    return Buffer.concat([stream.push(Buffer.from(text)), stream.end()]).toString('utf8');
  }

  /** A copy of plain data with every string in it masked; Buffers are kept as they are. */
  data<T>(data: T): T {
    return this.#patterns.length === 0 ? data : (this.#copy(data) as T);
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
    const patterns = this.#masker.patterns;
    if (patterns.length === 0 && this.#held.length === 0) return chunk;
    const data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    return this.#take(data, data.length - longestOpenPrefix(data, patterns));
  }

  /** What was held back, at the end of the stream. */
  end(): Buffer {
    return this.#take(this.#held, this.#held.length);
  }

  /** Shows `data` up to `until` and holds the rest. */
  #take(data: Buffer, until: number): Buffer {
    const begun = this.#maskedUntil === undefined ? [] : [{ start: 0, end: this.#maskedUntil }];
    const secrets = merge([...begun, ...matches(data, this.#masker.patterns)]);
    const pieces: Buffer[] = [];
    let position = 0;
    for (const [index, secret] of secrets.entries()) {
      if (secret.start >= until && secret.end > 0) break;
      pieces.push(data.subarray(position, secret.start));
      if (index > 0 || begun.length === 0) pieces.push(Buffer.from(maskText));
      position = Math.min(secret.end, until);
    }
    pieces.push(data.subarray(position, until));
    const crossing = secrets.find((secret) => secret.start < until && secret.end >= until);
    if (until > 0 || crossing !== undefined) {
      this.#maskedUntil = crossing === undefined ? undefined : crossing.end - until;
    }
    this.#held = Buffer.from(data.subarray(until));
    return Buffer.concat(pieces);
  }
}

/** All places of all patterns. */
function matches(data: Buffer, patterns: readonly Buffer[]): Interval[] {
  const found: Interval[] = [];
  for (const pattern of patterns) {
    for (let at = data.indexOf(pattern); at >= 0; at = data.indexOf(pattern, at + 1)) {
      found.push({ start: at, end: at + pattern.length });
    }
  }
  return found;
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

/** Length of the longest end of `data` that is the beginning, but not the whole, of a pattern. */
function longestOpenPrefix(data: Buffer, patterns: readonly Buffer[]): number {
  let longest = 0;
  for (const pattern of patterns) {
    for (let length = Math.min(pattern.length - 1, data.length); length > longest; length--) {
      if (data.compare(pattern, 0, length, data.length - length) === 0) longest = length;
    }
  }
  return longest;
}
