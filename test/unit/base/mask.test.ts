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

  it('leaves text and data as they are as long as there is no secret', () => {
    const data = { a: ['s3cr3t-value'] };

    expect(new Masker().patterns).toBeUndefined();
    expect(new Masker().text('s3cr3t-value')).toBe('s3cr3t-value');
    expect(new Masker().data(data)).toBe(data);
    expect(masker('ab').data(data)).toBe(data);
    expect(new Masker().text('\ud800')).toBe('\ud800');
    expect(new MaskedStream(new Masker()).end().length).toBe(0);
  });

  it('takes secrets out of every string of plain data, and keeps all else', () => {
    const bytes = Buffer.from('s3cr3t-value');
    const data = {
      a: 'a s3cr3t-value',
      b: ['s3cr3t-value', { c: 's3cr3t-value' }],
      d: [1, true, null, undefined],
      bytes,
    };

    const copy = masker('s3cr3t-value').data(data);

    expect(copy).toEqual({ a: 'a ***', b: ['***', { c: '***' }], d: [1, true, null, undefined], bytes });
    expect(copy.bytes).toBe(bytes);
    expect(masker('s3cr3t-value').data(null)).toBeNull();
    expect(data.a).toBe('a s3cr3t-value');
  });

  it('prepares its patterns once for all secrets, and anew after one is added', () => {
    const secrets = masker('s3cr3t-value');
    const before = secrets.patterns;

    expect(secrets.patterns).toBe(before);
    expect(secrets.text('s3cr3t-value correct-horse')).toBe('*** correct-horse');
    secrets.add(Buffer.from('correct-horse'));
    expect(secrets.patterns).not.toBe(before);
    expect(secrets.text('s3cr3t-value correct-horse')).toBe('*** ***');
  });

  it('takes out base64 in lines, with the line breaks in it and none around it', () => {
    const secret = 'correct-horse-battery-staple';
    const [first, second, third] = ['Y29ycmVjdC1ob3', 'JzZS1iYXR0ZXJ5', 'LXN0YXBsZQ=='];

    expect(masker(secret).text(`- ${first}\n  ${second}\n  ${third}\n- x`)).toBe('- ***\n- x');
    expect(masker(secret).text(`a\nb\n. ${first}${second}${third} c\nd\n${secret}\n`)).toBe(
      'a\nb\n. *** c\nd\n***\n',
    );
  });

  it('takes out two overlapping secrets without leaving the end of either', () => {
    expect(stream('xxabcdef!', [5], 'xxabc', 'abcdef')).toBe('***!');
    expect(stream('--abcdefgh--', [6], 'abcd', 'abcdefgh')).toBe('--***--');
  });

  /** What a stream shows after each chunk, and at its end. */
  function shownOf(chunks: readonly string[], ...secrets: string[]): string[] {
    const masked = new MaskedStream(masker(...secrets));
    return [...chunks.map((chunk) => masked.push(Buffer.from(chunk)).toString()), masked.end().toString()];
  }

  it.each([
    ['what is no beginning at once', ['one ', 'two.'], ['one ', 'two.', '']],
    ['what is before a beginning', ['one hun', 'd', '!'], ['one ', 'hund', '!', '']],
    ['a beginning at the end', ['one hun'], ['one ', 'hun']],
    ['a beginning that becomes another', ['hun', 'thunt', 'er22'], ['', 'hunt', '***', '']],
    ['a secret in two chunks', ['a hunt', 'er22 b'], ['a ', '*** b', '']],
    [
      'a secret in many chunks',
      ['h', 'u', 'n', 't', 'e', 'r', '2', '2', '.'],
      ['', '', '', '', '', '', '', '***', '.', ''],
    ],
    ['an empty chunk', ['hunt', '', 'er22', '', '.'], ['', '', '***', '', '.', '']],
    ['two secrets that touch, as one', ['hunter22', 'hunter22', '.'], ['***', '', '.', '']],
    ['two secrets that touch, cut in the second', ['hunter22hun', 'ter22.'], ['***', '.', '']],
    ['a secret and a beginning that touches it', ['hunter22hun', 't.'], ['***', 'hunt.', '']],
    ['two secrets apart', ['hunter22 hunter22', ' hunter22'], ['*** ***', ' ***', '']],
    ['a secret at the end', ['.hunter22'], ['.***', '']],
    ['what follows a secret', ['hunter22 and', ' more of it.'], ['*** and', ' more of it.', '']],
    [
      'what follows a secret in two chunks',
      ['hunt', 'er22', '. and', ' more.'],
      ['', '***', '. and', ' more.', ''],
    ],
    ['two secrets in chunks of their own', ['hunter22', '. ', 'hunter22.'], ['***', '. ', '***.', '']],
  ])('shows in a stream %s', (_name, chunks, shown) => {
    expect(shownOf(chunks, 'hunter22')).toEqual(shown);
  });

  it.each([
    ['cut behind the first', ['abcd', 'ef.'], ['***', '.', '']],
    ['cut where both are open', ['xabc', 'd', 'e', 'f.'], ['x', '***', '', '.', '']],
    ['of which the second goes on otherwise', ['abcd', 'e.'], ['***', 'e.', '']],
    ['of which the second is open at the end', ['abcde'], ['***', 'e']],
    ['followed by the second again', ['abcdef', 'cdef', '.'], ['***', '', '.', '']],
    ['followed by the second again, apart', ['abcdef', '.cdef', '.'], ['***', '.***', '.', '']],
  ])('shows in a stream two secrets that overlap, %s', (_name, chunks, shown) => {
    expect(shownOf(chunks, 'abcd', 'cdef')).toEqual(shown);
  });

  it('copies no chunk that holds no secret and no beginning', () => {
    const chunk = Buffer.alloc(20_000, 'nothing of the kind. ');

    expect(new MaskedStream(new Masker()).push(chunk)).toBe(chunk);
    expect(new MaskedStream(masker('hunter22')).push(chunk).buffer).toBe(chunk.buffer);
  });

  it('keeps what is held when the chunk is written over', () => {
    const masked = new MaskedStream(masker('hunter22'));
    const chunk = Buffer.from('hunt');

    masked.push(chunk);
    chunk.fill('.');

    expect(masked.push(Buffer.from('er22')).toString()).toBe('***');
  });

  it('masks a secret from the next chunk on after it was added', () => {
    const secrets = masker('hunter22');
    const masked = new MaskedStream(secrets);

    const before = masked.push(Buffer.from('correct-horse hunt'));
    secrets.add(Buffer.from('correct-horse'));
    const after = masked.push(Buffer.from('er22 correct-horse'));

    expect([before, after, masked.end()].map(String)).toEqual(['correct-horse ', '*** ***', '']);
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
