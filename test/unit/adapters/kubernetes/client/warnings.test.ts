import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { warningsIn } from '../../../../../src/adapters/kubernetes/client/warnings.ts';

const onTheWire = (text: string) => Buffer.from(text).toString('latin1');

describe('the warnings of an answer', () => {
  it.each<[string, string | string[] | undefined, string[]]>([
    ['none', undefined, []],
    ['one', '299 - "v1 is deprecated"', ['v1 is deprecated']],
    ['one of an agent, with its date', '299 kube "a" "Wed, 21 Oct 2015 07:28:00 GMT"', ['a']],
    ['several headers', ['299 - "a"', '299 - "b"'], ['a', 'b']],
    ['several values of one header', '299 - "a, 299 - b", 299 - "c"', ['a, 299 - b', 'c']],
    ['escapes', String.raw`299 - "unknown field \"spec.a\" \\ b"`, ['unknown field "spec.a" \\ b']],
    ['UTF-8', onTheWire('299 - "naïve 日本"'), ['naïve 日本']],
    ['those of caches', '110 proxy "Response is stale", 299 - "a"', ['a']],
    ['no text', '299 - ""', []],
    ['control characters', onTheWire('299 - "a\u001b[31mb\u009b\u00ad"'), ['a [31mb']],
    ['what is no warning', ['deprecated', '299 "a"', '299 - a', '299 - "a', '299 - "a" b'], []],
    ['what is no warning after one', '299 - "a", 299 - b, 299 - "c"', ['a']],
  ])('%s', (_, header, texts) => {
    expect(warningsIn(header)).toEqual(texts);
  });

  it('are bounded in length and in count', () => {
    const many = Array.from({ length: 30 }, (_, index) => `299 - "${'x'.repeat(5000)}${String(index)}"`);

    const texts = warningsIn(many);

    expect(texts).toHaveLength(21);
    expect(texts[0]).toBe(`${'x'.repeat(1000)}…`);
    expect(texts.at(-1)).toBe('10 more warnings are not shown');
  });

  it('are what was written, whatever that is', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), (written) => {
        const shown = written.map((each) => each.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim());
        const values = written.map((each) => `299 - "${each.replaceAll(/["\\]/g, String.raw`\$&`)}"`);

        const expected = shown.filter((each) => each !== '');
        expect(warningsIn(values.map(onTheWire))).toEqual(expected);
        expect(warningsIn(onTheWire(values.join(', ')))).toEqual(expected);
      }),
    );
  });
});
