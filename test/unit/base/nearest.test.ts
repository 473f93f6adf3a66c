import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hintFor, nearest } from '../../../src/base/nearest.ts';

/** The same distance by its definition, in exponential time. */
function distance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  const ways = [
    distance(restA, b) + 1,
    distance(a, restB) + 1,
    distance(restA, restB) + (a[0] === b[0] ? 0 : 1),
  ];
  const swapped = a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0];
  if (swapped) ways.push(distance(a.slice(2), b.slice(2)) + 1);
  return Math.min(...ways);
}

describe('the nearest name', () => {
  it.each([
    ['rnu', ['run', 'checkout'], 'run'],
    ['stagse', ['name', 'stages'], 'stages'],
    ['Needs', ['needs'], 'needs'],
    ['needs', ['Needs'], 'Needs'],
    ['matirx', ['matrix', 'name'], 'matrix'],
    ['foo', ['checkout', 'run'], undefined],
    ['__proto__', ['run'], undefined],
    ['stages', ['stxxes', 'stagxs'], 'stagxs'],
    ['stages', ['stagxs', 'stxxes'], 'stagxs'],
    ['on', ['in'], 'in'],
  ])('of %s among %j is %s', (found, allowed, expected) => {
    expect(nearest(found, allowed)).toBe(expected);
  });

  it('is as many changes away as a third of its letters, and at least one', () => {
    const word = fc.stringMatching(/^[abc]{1,6}$/);
    fc.assert(
      fc.property(word, word, (found, name) => {
        const near = distance(found, name) <= Math.max(1, Math.floor(found.length / 3));
        expect(nearest(found, [name])).toBe(near ? name : undefined);
      }),
      {
        examples: [
          ['abcabc', 'bacbac'],
          ['abcabc', 'acbabb'],
          ['a', 'ab'],
          ['abc', 'a'],
          ['ab', 'bc'],
        ],
      },
    );
  });

  it('is told with the names that are allowed', () => {
    expect(hintFor('rnu', ['run', 'checkout'])).toBe('did you mean "run"? allowed: run, checkout');
    expect(hintFor('foo', ['run', 'checkout'])).toBe('allowed: run, checkout');
    expect(hintFor('foo', [])).toBe('there are none');
  });
});
