import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSubset } from '../../../../../src/adapters/kubernetes/client/subset.ts';

describe('whether a write took effect', () => {
  it.each<[string, unknown, unknown, boolean]>([
    ['the server adds fields', { a: 1 }, { a: 1, b: 2 }, true],
    ['the server drops what is empty', { a: 1, data: {}, list: [] }, { a: 1 }, true],
    ['a value differs', { a: { b: 1 } }, { a: { b: 2 } }, false],
    ['a value is missing', { a: { b: 1 } }, { a: {} }, false],
    ['a list is longer', { a: [1] }, { a: [1, 2] }, false],
    ['items gain fields', { a: [{ b: 1 }] }, { a: [{ b: 1, c: 2 }] }, true],
  ])('is told when %s', (_, wanted, stored, expected) => {
    expect(isSubset(wanted, stored)).toBe(expected);
  });

  it('is always so for what was stored unchanged', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => isSubset(value, structuredClone(value))));
  });
});
