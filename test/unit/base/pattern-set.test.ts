import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PatternSet } from '../../../src/base/pattern-set.ts';
import { cases } from '../../support/cases.ts';

/** What the search has to find, said plainly. */
function expected(patterns: readonly string[], text: string): { covered: string; open: number } {
  const covered = Array.from(text, () => '.');
  for (let at = 0; at < text.length; at += 1)
    for (const pattern of patterns)
      if (text.startsWith(pattern, at)) covered.fill('x', at, at + pattern.length);
  let open = text.length;
  const isOpen = () => {
    const end = text.slice(text.length - open);
    return patterns.some((pattern) => pattern.length > open && pattern.startsWith(end));
  };
  while (open > 0 && !isOpen()) open -= 1;
  return { covered: covered.join(''), open };
}

function found(patterns: readonly string[], text: string): { covered: string; open: number } {
  const { found: places, open } = new PatternSet(patterns).search(Buffer.from(text, 'latin1'));
  const covered = Array.from(text, () => '.');
  for (const { start, end } of places) covered.fill('x', start, end);
  return { covered: covered.join(''), open };
}

const letters = fc.constantFrom('a', 'b', 'ÿ');
const pattern = fc.string({ unit: letters, minLength: 4, maxLength: 12 });

describe('a set of patterns', () => {
  it('finds every place of every pattern, and how much of the end is open', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 8 }),
        fc.string({ unit: letters, maxLength: 60 }),
        (set, text) => {
          expect(found(set, text)).toEqual(expected(set, text));
        },
      ),
      { numRuns: cases(3000) },
    );
  });

  it('finds patterns in text that is made of them', () => {
    const sets = fc.array(fc.string({ unit: 'binary-ascii', minLength: 4, maxLength: 40 }), {
      minLength: 1,
      maxLength: 20,
    });
    const pieces = fc.array(fc.tuple(fc.nat(), fc.nat(40), fc.nat(40)), { maxLength: 12 });
    fc.assert(
      fc.property(sets, pieces, (set, cuts) => {
        const text = cuts.map(([which, from, to]) => set[which % set.length]!.slice(from % 8, to)).join('');

        expect(found(set, text)).toEqual(expected(set, text));
      }),
      { numRuns: cases(2000) },
    );
  });

  it.each([
    ['nothing', ['abcd'], 'abc.bcd', '.......'],
    ['one at the beginning', ['abcd'], 'abcd...', 'xxxx...'],
    ['one at the end', ['abcd'], '...abcd', '...xxxx'],
    ['one in the middle', ['abcd'], '.abcd.', '.xxxx.'],
    ['one that begins within a jump', ['abcdefgh'], '.....abcdefgh.', '.....xxxxxxxx.'],
    ['one behind half of it', ['abcdef'], 'abcabcdef', '...xxxxxx'],
    ['one that repeats itself', ['abab'], '.ababab.', '.xxxxxx.'],
    ['one at whose beginning the search goes back twice', ['aabb', 'acdd', 'xaac'], '.xaacdd', '.xxxxxx'],
    ['one inside another', ['bcde', 'abcdef'], '.abcdef.', '.xxxxxx.'],
    ['one inside the beginning of another', ['bcde', 'abcdef'], '.abcde.', '..xxxx.'],
    ['one that another begins with', ['abcd', 'abcdef'], 'abcde abcdef', 'xxxx. xxxxxx'],
    ['two that overlap', ['abcd', 'cdef'], '.abcdef.', '.xxxxxx.'],
    ['three that overlap', ['abcd', 'cdef', 'efgh'], 'abcdefgh', 'xxxxxxxx'],
    ['of two lengths', ['abcd', 'efghijkl'], '.abcd.efghijkl', '.xxxx.xxxxxxxx'],
    ['bytes beyond ASCII', ['ÿþýü'], '.ÿþýü.', '.xxxx.'],
    ['zeros', ['\0\0\0\0'], '.\0\0\0\0.', '.xxxx.'],
    ['a whole one at the end that begins no other', ['abcd', 'xabcd'], 'xabcd', 'xxxxx'],
  ])('finds %s', (_name, patterns, text, covered) => {
    expect(found(patterns, text).covered).toBe(covered.replaceAll(' ', '.'));
  });

  it.each([
    ['nothing', ['abcd'], 'abc.bcd', 0],
    ['a whole one', ['abcd'], '...abcd', 0],
    ['the beginning of one at the end', ['abcd'], '....abc', 3],
    ['the first byte of one at the end', ['abcd'], '....a', 1],
    ['the beginning of one alone', ['abcdefgh'], 'ab', 2],
    ['a whole one at the end that may begin another', ['abcdab'], 'abcdab', 2],
    ['a whole one that another continues', ['abcd', 'abcdef'], 'abcd', 4],
    ['a beginning at the end behind a whole one', ['abcd'], 'abcdab', 2],
  ])('tells how much of the end may become a pattern: %s', (_name, patterns, text, open) => {
    expect(found(patterns, text).open).toBe(open);
  });

  it('finds nothing without patterns', () => {
    expect(new PatternSet([]).search(Buffer.from('abcd'))).toEqual({ found: [], open: 0, steps: 0 });
  });

  it.each([254, 255, 256, 257, 600])('finds a pattern of %d bytes wherever it begins', (length) => {
    const long = `${'a'.repeat(length - 1)}b`;

    for (const before of [0, 1, 253, 254, 255, 256]) {
      const text = `${'.'.repeat(before)}${long}.`;

      expect(found([long], text).covered).toBe(`${'.'.repeat(before)}${'x'.repeat(length)}.`);
    }
  });

  it('makes one of places that overlap, in the order of their ends', () => {
    const { found: places } = new PatternSet(['abcd', 'cdef', 'wxyz']).search(Buffer.from('abcdef.wxyz'));

    expect(places).toEqual([
      { start: 0, end: 6 },
      { start: 7, end: 11 },
    ]);
  });

  it('keeps places apart that only touch', () => {
    const { found: places } = new PatternSet(['abcd']).search(Buffer.from('abcdabcd'));

    expect(places).toEqual([
      { start: 0, end: 4 },
      { start: 4, end: 8 },
    ]);
  });

  it.each([
    ['bytes that no pattern has', ['abcdefgh'], '.'.repeat(100), 14 + 2], // jumps of 7, and the last 2 bytes
    ['by the shortest pattern', ['abcdefgh', 'wxyz'], '.'.repeat(100), 33 + 1],
    ['the first two bytes of a pattern', ['abcdefgh'], '......ab', 1 + 2],
    ['the bytes in the middle of a pattern', ['abcdefgh'], '....de..', 1 + 1],
    ['a pattern', ['abcdefgh'], 'abcdefgh', 1 + 8],
    ['a pattern, and jumps again behind it', ['abcdefgh'], `abcdefgh${'.'.repeat(100)}`, 1 + 8 + 2 + 14 + 1],
    ['a long pattern', ['a'.repeat(300)], '.'.repeat(509), 2 + 1], // jumps of 254
    ['a pattern but for its last byte', ['abcdefgh'], 'abcdefg........', 2 + 1],
  ])('looks at as few bytes as it can: %s', (_name, patterns, text, steps) => {
    expect(new PatternSet(patterns).search(Buffer.from(text)).steps).toBe(steps);
  });

  const common = Array.from({ length: 16_000 }, (_, index) => `key-${String(index * 7919)}`);
  const alike = Array.from({ length: 300 }, (_, index) => `${'a'.repeat(3000)}${String(index)}`);

  it.each([
    ['of many patterns that begin alike, printed whole', common, common.join('\n')],
    ['of many patterns that begin alike, on their beginnings', common, 'key-'.repeat(50_000)],
    ['of long patterns that begin alike', alike, 'a'.repeat(200_000)],
    ['of long patterns that begin alike, nearly printed', alike, `${'a'.repeat(2999)}b`.repeat(60)],
    ['of one pattern that repeats itself', ['a'.repeat(4096)], `${'a'.repeat(4095)}b`.repeat(50)],
    ['of patterns that are ends of each other', alike.map((one) => one.slice(-40)), alike.join('')],
  ])('looks at a few things a byte, whatever the patterns have in common: %s', (_what, patterns, text) => {
    const data = Buffer.from(text);

    const { steps } = new PatternSet(patterns).search(data);

    // A step down for each byte, at most as many steps back, and a look of the window.
    expect(steps).toBeLessThanOrEqual(3 * data.length);
  });

  it('looks at a part of the bytes where no pattern can be', () => {
    const data = Buffer.from('2026-11-29T02:12:10Z INFO nothing of the kind is here\n'.repeat(1000));

    const { steps } = new PatternSet(['glpat-0123456789abcdef']).search(data);

    expect(steps).toBeLessThan(data.length / 8);
  });
});
