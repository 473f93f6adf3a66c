import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFieldsV1, separator, showPath, writeFieldsV1 } from '../../../src/base/fields-v1.ts';

describe('fieldsV1', () => {
  it('is read as it is written', () => {
    const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:"y"', 'i:0');
    const path = fc.array(element, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(separator));
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 12 }), (paths) => {
        expect([...readFieldsV1(writeFieldsV1(new Set(paths)))].sort()).toEqual([...paths].sort());
      }),
    );
  });

  it('tells a field from what only leads to others', () => {
    expect([...readFieldsV1({ 'f:a': { '.': {}, 'f:b': {} }, 'f:c': { 'f:d': {} } })]).toEqual([
      'f:a',
      `f:a${separator}f:b`,
      `f:c${separator}f:d`,
    ]);
  });

  it.each([undefined, null, 'x', 7, ['f:a']])('has no fields where a client wrote %j', (tree) => {
    expect(readFieldsV1(tree).size).toBe(0);
  });

  it.each([
    [['f:spec', 'f:replicas'], '.spec.replicas'],
    [['f:containers', 'k:{"name":"web"}', 'f:image'], '.containers[name="web"].image'],
    [['f:finalizers', 'v:"a/b"'], '.finalizers[="a/b"]'],
    [['f:args', 'i:0'], '.args[0]'],
  ])('shows %j as %s', (elements, shown) => {
    expect(showPath(elements.join(separator))).toBe(shown);
  });
});
