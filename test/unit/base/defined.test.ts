import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';

describe('defined', () => {
  it('leaves out what is undefined, and nothing else', () => {
    const fields = { missing: undefined, nothing: null, no: false, zero: 0, empty: '', hint: 'look' };

    expect(Object.entries(defined(fields))).toEqual([
      ['nothing', null],
      ['no', false],
      ['zero', 0],
      ['empty', ''],
      ['hint', 'look'],
    ]);
  });

  it('overwrites no field of an object with undefined', () => {
    const hint: string | undefined = undefined;

    expect({ ...{ hint: 'first' }, ...defined({ hint }) }).toEqual({ hint: 'first' });
  });
});
