import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LineSplitter } from '../../../src/base/lines.ts';

function lines(chunks: readonly Buffer[], longest?: number): string[] {
  const splitter = new LineSplitter(longest);
  return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()];
}

describe('line splitting', () => {
  it('gives the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'ü', '\n', ' ') }), fc.nat(100), (text, cut) => {
        const bytes = Buffer.from(text);

        const shown = lines([bytes.subarray(0, cut), bytes.subarray(cut)]);

        expect(shown).toEqual(text.split('\n').slice(0, text.endsWith('\n') || text === '' ? -1 : undefined));
      }),
    );
  });

  it('cuts a very long line and says how much is missing', () => {
    expect(lines([Buffer.from('x'.repeat(50)), Buffer.from('yz\nnext')], 10)).toEqual([
      'xxxxxxxxxx … (42 more bytes)',
      'next',
    ]);
  });

  it('drops the carriage return of a Windows line end', () => {
    expect(lines([Buffer.from('one\r\ntwo')])).toEqual(['one', 'two']);
    expect(lines([Buffer.from('10 %\r20 %\n')])).toEqual(['10 %\r20 %']);
  });
});
