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

  it('keeps places apart that only touch', () => {
    const { found: places } = new PatternSet(['abcd']).search(Buffer.from('abcdabcd'));

    expect(places).toEqual([
      { start: 0, end: 4 },
      { start: 4, end: 8 },
    ]);
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
