import { buildAutomaton, childOf, depthOf, type PatternAutomaton } from './pattern-automaton.ts';

/** A run of bytes: from `start` up to, not including, `end`. */
export interface Interval {
  start: number;
  end: number;
}

/** What was found in data. */
export interface SearchResult {
  /** Where patterns stand; of those that overlap the places may be made one. In the order of their ends. */
  found: Interval[];
  /** Length of the longest end of the data that is the beginning, but not the whole, of a pattern. */
  open: number;
  /** Bytes and states that were looked at: what the search cost. */
  steps: number;
}

/** No pattern may be shorter: the search jumps by this. */
const leastBytes = 4;
/** A jump has to fit into a byte. */
const longestWindow = 255;

/**
 * Finds many byte strings in one pass, in time that grows with the data alone, however many patterns there are and
 * whatever they have in common. Where no pattern can be, a window of the shortest pattern's length jumps over the data
 * by what its last two bytes say (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994); from where one
 * may be, an automaton takes byte after byte until no pattern is open. Nothing is looked at a second time behind it.
 */
export class PatternSet {
  readonly #automaton: PatternAutomaton;
  readonly #window: number;
  /** By two bytes: how far the window may jump when it ends with them; 0: a pattern may be here. */
  readonly #jump: Uint8Array;
  readonly #isEmpty: boolean;

  /** @param patterns bytes as latin1 text, each of 4 to 65,535 bytes */
  constructor(patterns: Iterable<string>) {
    const sorted = [...new Set(patterns)].sort();
    this.#isEmpty = sorted.length === 0;
    this.#automaton = buildAutomaton(sorted);
    const shortest = sorted.reduce((least, { length }) => Math.min(least, length), longestWindow);
    this.#window = Math.max(leastBytes, shortest);
    this.#jump = jumpTable(sorted, this.#window);
  }

  /** All places of all patterns. */
  search(data: Buffer): SearchResult {
    if (this.#isEmpty) return { found: [], open: 0, steps: 0 };
    const walk = new Walk(this.#automaton, data);
    const jumps = this.#jump;
    const last = this.#window - 1;
    let at = 0;
    let looks = 0;
    while (at + last < data.length) {
      const jump = jumps[((data[at + last - 1] ?? 0) << 8) | (data[at + last] ?? 0)] ?? 0;
      looks += 1;
      at = jump > 0 ? at + jump : walk.from(at);
    }
    while (at < data.length) at = walk.from(at); // shorter than the window
    return { found: walk.found, open: walk.open(), steps: looks + walk.steps };
  }
}

/** The automaton on its way through data. */
class Walk {
  readonly #automaton: PatternAutomaton;
  readonly #data: Buffer;
  readonly found: Interval[] = [];
  #state = 0;
  steps = 0;

  constructor(automaton: PatternAutomaton, data: Buffer) {
    this.#automaton = automaton;
    this.#data = data;
  }

  /** Continues from a byte until no pattern is open. @returns the first byte that was not taken */
  from(start: number): number {
    const data = this.#data;
    const { table, fail, longest } = this.#automaton;
    let state = this.#state;
    let at = start;
    do {
      const byte = data[at] ?? 0;
      at += 1;
      for (;;) {
        this.steps += 1;
        const entry = state * 256 + byte;
        const next = entry < table.length ? (table[entry] ?? 0) : childOf(this.#automaton, state, byte);
        if (next >= 0) {
          state = next;
          break;
        }
        state = fail[state] ?? 0;
      }
      const length = longest[state] ?? 0;
      if (length > 0) this.#add(at - length, at);
    } while (state !== 0 && at < data.length);
    this.#state = state;
    return at;
  }

  /** How much of the end may become a pattern: the longest beginning of one that is no whole pattern only. */
  open(): number {
    const { firstChild, fail } = this.#automaton;
    let state = this.#state;
    while (state !== 0 && firstChild[state] === firstChild[state + 1]) state = fail[state] ?? 0;
    return depthOf(this.#automaton, state);
  }

  /** Of overlapping places one is kept: a pattern of `aaaa` ends at every byte of a long `aaaa…`. */
  #add(start: number, end: number): void {
    const before = this.found.at(-1);
    if (before === undefined || before.end <= start) {
      this.found.push({ start, end });
      return;
    }
    before.start = Math.min(before.start, start);
    before.end = end;
  }
}

/** How far the window may jump for each two bytes at its end. */
function jumpTable(patterns: readonly string[], window: number): Uint8Array {
  const jumps = new Uint8Array(65_536).fill(window - 1);
  for (const pattern of patterns) {
    for (let at = 0; at + 1 < window; at += 1) {
      const pair = (pattern.charCodeAt(at) << 8) | pattern.charCodeAt(at + 1);
      jumps[pair] = Math.min(jumps[pair] ?? 0, window - 2 - at);
    }
  }
  return jumps;
}
