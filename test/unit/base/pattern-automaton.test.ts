import { describe, expect, it } from '@jest/globals';
import { buildAutomaton, childOf, depthOf } from '../../../src/base/pattern-automaton.ts';

const byteOf = (letter: string) => letter.charCodeAt(0);

describe('an automaton of patterns', () => {
  it('has a state for each beginning of a pattern, by length, with the longest end that is one, too', () => {
    const automaton = buildAutomaton(['abcd', 'abce', 'bcdx']);

    // 0: nothing, 1: a, 2: b, 3: ab, 4: bc, 5: abc, 6: bcd, 7: abcd, 8: abce, 9: bcdx
    expect(String.fromCharCode(...automaton.byte)).toBe('\0abbccddex');
    expect([...automaton.firstChild]).toEqual([1, 3, 4, 5, 6, 7, 9, 10, 10, 10, 10]);
    expect([...automaton.fail]).toEqual([0, 0, 0, 2, 0, 4, 0, 6, 0, 0]);
    expect([...automaton.longest]).toEqual([0, 0, 0, 0, 0, 0, 0, 4, 4, 4]);
  });

  it('ends with the longest pattern of those that end at a place', () => {
    const automaton = buildAutomaton(['abcd', 'ac', 'bc', 'c', 'd']);

    // 1: a, 2: b, 3: c, 4: d, 5: ab, 6: ac, 7: bc, 8: abc, 9: abcd
    expect([...automaton.longest]).toEqual([0, 0, 0, 1, 1, 0, 2, 2, 2, 4]);
  });

  it('continues a pattern that another one begins with', () => {
    const automaton = buildAutomaton(['ab', 'abc', 'abcd']);

    expect([...automaton.longest]).toEqual([0, 0, 2, 3, 4]);
    expect([...automaton.firstChild]).toEqual([1, 2, 3, 4, 5, 5]);
  });

  it('goes back more than once for the longest end', () => {
    const automaton = buildAutomaton(['aab', 'ac', 'xaac']);

    // 1: a, 2: x, 3: aa, 4: ac, 5: xa, 6: aab, 7: xaa, 8: xaac, which goes back by aa and a
    expect([...automaton.fail]).toEqual([0, 0, 0, 1, 0, 1, 0, 3, 4]);
  });

  it('finds the state behind each byte', () => {
    const automaton = buildAutomaton(['b', 'd', 'f', 'h', 'j']);

    expect(Array.from('abcdefghijk', (letter) => childOf(automaton, 0, byteOf(letter)))).toEqual([
      -1, 1, -1, 2, -1, 3, -1, 4, -1, 5, -1,
    ]);
    expect(childOf(automaton, 1, byteOf('b'))).toBe(-1);
  });

  it('tells the length of what each state stands for', () => {
    const automaton = buildAutomaton(['abcd', 'abce', 'bcdx']);

    expect(Array.from(automaton.byte, (_, state) => depthOf(automaton, state))).toEqual([
      0, 1, 1, 2, 2, 3, 3, 4, 4, 4,
    ]);
  });

  it('has a table of the next state for the states of no and of one byte', () => {
    const { table } = buildAutomaton(['ab', 'ca']);
    const row = (state: number) => table.subarray(state * 256, (state + 1) * 256);
    const ways = (state: number) => Array.from('abc', (letter) => row(state)[byteOf(letter)]);

    // 1: a, 2: c, 3: ab, 4: ca
    expect(table.length).toBe(3 * 256);
    expect(ways(0)).toEqual([1, 0, 2]);
    expect(ways(1)).toEqual([1, 3, 2]);
    expect(ways(2)).toEqual([4, 0, 2]);
    expect(table.filter((next) => next > 0).length).toBe(2 + 3 + 2);
  });

  it('has one state when there is no pattern', () => {
    const automaton = buildAutomaton([]);

    expect([...automaton.longest]).toEqual([0]);
    expect([...automaton.firstChild]).toEqual([1, 1]);
  });
});
