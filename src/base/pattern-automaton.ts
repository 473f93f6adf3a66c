/**
 * An automaton that knows, after each byte, the longest beginning of a pattern that the bytes so far end with (Aho and
 * Corasick, "Efficient string matching", 1975). States are numbered by the length of what they stand for, so that the
 * children of a state stand side by side and take no table of their own: about eleven bytes a state.
 */
export interface PatternAutomaton {
  /** By state: its first child; the next state's first child ends them. They are in the order of their bytes. */
  readonly firstChild: Int32Array;
  /** By state: the byte that leads to it. */
  readonly byte: Uint8Array;
  /** By state: the state of its longest end that is the beginning of a pattern. */
  readonly fail: Int32Array;
  /** By state: length of the longest pattern that ends here; 0: none does. */
  readonly longest: Uint16Array;
  /** By length: the first state that stands for so many bytes. */
  readonly levels: readonly number[];
  /** For the states of no and of one byte, and each byte, the next state: most bytes of ordinary text are met here. */
  readonly table: Int32Array;
}

/** @param patterns bytes as latin1 text, sorted, each once and of 1 to 65,535 bytes */
export function buildAutomaton(patterns: readonly string[]): PatternAutomaton {
  const states = countStates(patterns);
  const automaton = {
    firstChild: new Int32Array(states + 1),
    byte: new Uint8Array(states),
    fail: new Int32Array(states),
    longest: new Uint16Array(states),
  };
  const levels = [0, 1];
  // The states of a length, by the patterns that begin with them: from `low` up to, not including, `high`.
  let level = [{ low: 0, high: patterns.length }];
  let next = 1;
  let state = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    const following: { low: number; high: number }[] = [];
    for (const { low, high } of level) {
      automaton.firstChild[state] = next;
      for (let at = patterns[low]?.length === depth ? low + 1 : low; at < high;) {
        const byte = patterns[at]?.charCodeAt(depth) ?? 0;
        const end = endOfGroup(patterns, { low: at, high }, depth);
        automaton.byte[next] = byte;
        const fail = depth === 0 ? 0 : follow(automaton, automaton.fail[state] ?? 0, byte);
        automaton.fail[next] = fail;
        automaton.longest[next] =
          patterns[at]?.length === depth + 1 ? depth + 1 : (automaton.longest[fail] ?? 0);
        following.push({ low: at, high: end });
        next += 1;
        at = end;
      }
      state += 1;
    }
    levels.push(next);
    level = following;
  }
  automaton.firstChild[states] = next;
  return { ...automaton, levels, table: tableOf(automaton) };
}

type Links = Pick<PatternAutomaton, 'firstChild' | 'byte' | 'fail'>;

/** The state behind a byte; -1: no pattern continues so. */
export function childOf({ firstChild, byte: bytes }: Links, state: number, byte: number): number {
  let low = firstChild[state] ?? 0;
  let high = (firstChild[state + 1] ?? 0) - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bytes[middle] ?? 0) < byte) low = middle + 1;
    else high = middle;
  }
  return low === high && bytes[low] === byte ? low : -1;
}

/** How many bytes a state stands for. */
export function depthOf({ levels }: PatternAutomaton, state: number): number {
  let low = 0;
  let high = levels.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((levels[middle] ?? 0) <= state) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Every state is the beginning of a pattern that the pattern before does not begin with. */
function countStates(patterns: readonly string[]): number {
  let states = 1;
  let before = '';
  for (const pattern of patterns) {
    let same = 0;
    while (same < before.length && before.charCodeAt(same) === pattern.charCodeAt(same)) same += 1;
    states += pattern.length - same;
    before = pattern;
  }
  return states;
}

/** Behind the last pattern that has the same byte at `depth` as the first: the patterns are sorted. */
function endOfGroup(
  patterns: readonly string[],
  { low, high }: { low: number; high: number },
  depth: number,
): number {
  const byte = patterns[low]?.charCodeAt(depth);
  let first = low + 1;
  let end = high;
  while (first < end) {
    const middle = (first + end) >> 1;
    if (patterns[middle]?.charCodeAt(depth) === byte) first = middle + 1;
    else end = middle;
  }
  return first;
}

function follow(links: Links, from: number, byte: number): number {
  for (let state = from; ; state = links.fail[state] ?? 0) {
    const child = childOf(links, state, byte);
    if (child >= 0) return child;
    if (state === 0) return 0;
  }
}

function tableOf(links: Links): Int32Array {
  const shallow = links.firstChild[1] ?? 1; // the root, and the states of one byte, which end where their children begin
  const table = new Int32Array(shallow * 256);
  for (let state = 0; state < shallow; state += 1)
    for (let byte = 0; byte < 256; byte += 1) table[state * 256 + byte] = follow(links, state, byte);
  return table;
}
