import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sameJson } from '../../../src/base/same-json.ts';

describe('equal JSON', () => {
  it.each([
    [{ a: 1, b: [2] }, { b: [2], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: undefined }, true],
    [{ a: 1 }, { a: 1, b: null }, false],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    [[], {}, false],
    [[1], { 0: 1, length: 1 }, false],
    ['', {}, false],
    [{}, null, false],
    ['1', 1, false],
  ])('%j and %j: %s', (left, right, expected) => {
    expect(sameJson(left, right)).toBe(expected);
    expect(sameJson(right, left)).toBe(expected);
  });

  it('holds for every value and its copy from another realm', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value);
        expect(sameJson(JSON.parse(json), structuredClone(JSON.parse(json)))).toBe(true);
      }),
    );
  });
});
