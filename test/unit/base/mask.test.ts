import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Masker, MaskedStream, maskText } from '../../../src/base/mask.ts';
import { cases } from '../../support/cases.ts';

function masker(...secrets: string[]): Masker {
  const result = new Masker();
  for (const secret of secrets) result.add(Buffer.from(secret));
  return result;
}

function stream(text: string, cuts: readonly number[], ...secrets: string[]): string {
  const masked = new MaskedStream(masker(...secrets));
  const bytes = Buffer.from(text);
  const shown: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    shown.push(masked.push(bytes.subarray(from, cut)));
    from = cut;
  }
  shown.push(masked.end());
  return Buffer.concat(shown).toString();
}

describe('masking', () => {
  it.each([
    ['the value', 'token=s3cr3t-value!', 'token=***!'],
    ['its base64', `Authorization: ${Buffer.from('s3cr3t-value').toString('base64')}`, 'Authorization: ***'],
    ['the value twice', 's3cr3t-value s3cr3t-value', '*** ***'],
    ['two that touch as one', 's3cr3t-values3cr3t-value', '***'],
    ['nothing else', 's3cr3t', 's3cr3t'],
  ])('takes out %s', (_name, text, expected) => {
    expect(masker('s3cr3t-value').text(text)).toBe(expected);
  });

  it('takes out a value inside a longer base64 text at any alignment', () => {
    for (const before of ['', 'u', 'us', 'usr', 'user:']) {
      const encoded = Buffer.from(`${before}correct-horse-battery`).toString('base64');

      const shown = masker('correct-horse-battery').text(encoded);

      expect(shown).toContain(maskText);
      expect(Buffer.from(shown.replace(maskText, ''), 'base64').toString()).not.toContain('horse');
    }
  });

  it('takes out each line of a secret of several lines, and its URL-encoded form', () => {
    const shown = masker('first line/1\nsecond line/2').text('a second line/2 b first%20line%2F1 c');

    expect(shown).toBe('a *** b *** c');
  });

  it('takes the password out of a login, too, unless it is too short, and takes a URL for none', () => {
    expect(masker('ci:hunter22').text('ci:hunter22 or hunter22')).toBe('*** or ***');
    expect(masker('ci:abc').text('ci:abc or abc')).toBe('*** or abc');
    expect(new Masker().add(Buffer.from('ci:abc'))).toEqual({ weak: true });
    expect(masker('https://example.com').text('//example.com')).toBe('//example.com');
  });

  it('leaves short texts alone, so that a secret of one brace does not blot out JSON', () => {
    expect(masker('{', 'ab').text('{"ab": 1}')).toBe('{"ab": 1}');
    expect(new Masker().add(Buffer.from('ab'))).toEqual({ weak: true });
  });

  it('takes out two overlapping secrets without leaving the end of either', () => {
    expect(stream('xxabcdef!', [5], 'xxabc', 'abcdef')).toBe('***!');
    expect(stream('--abcdefgh--', [6], 'abcd', 'abcdefgh')).toBe('--***--');
  });

  it('never shows a secret however the stream is cut, and shows all the rest in order', () => {
    const secrets = ['hunter22', 'unterwegs', 'aaaa'];
    const piece = fc.oneof(
      fc.constantFrom(...secrets),
      fc.constantFrom('hunt', 'er22', 'a', 'weg', ' ', '\n', 'ü'),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.array(fc.nat(200), { maxLength: 12 }),
        (pieces, cuts) => {
          const text = pieces.join('');

          const shown = stream(text, cuts, ...secrets);

          for (const secret of secrets) expect(shown).not.toContain(secret);
          expect(shown).toBe(masker(...secrets).text(text));
          if (!secrets.some((secret) => text.includes(secret))) expect(shown).toBe(text);
        },
      ),
      { numRuns: cases(100) },
    );
  });

  it('holds back no more than the longest form', () => {
    const masked = new MaskedStream(masker('abcdefghij'));
    let shown = 0;
    for (let i = 0; i < 1000; i++) {
      shown += masked.push(Buffer.from('abcdefghi ')).length;
    }

    expect(shown).toBeGreaterThan(10_000 - 20);
  });
});
