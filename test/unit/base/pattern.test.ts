import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type * as Re2 from 're2js';
import { Pattern, PatternError } from '../../../src/base/pattern.ts';
import { patternSize } from '../../../src/base/pattern-syntax.ts';
import { cases } from '../../support/cases.ts';

const { RE2JS } = createRequire(import.meta.url)('re2js') as typeof Re2;

/** Patterns without what RE2 and JavaScript read differently. */
const patterns = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\.', '\\d'),
    fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `${a}${b}`),
    fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{0,20}'))
      .map(([a, times]) => `(${a})${times}`),
  ),
})).pattern;

/** Counted repetitions inside each other may be more than RE2 takes. */
function isPattern(source: string): boolean {
  try {
    RE2JS.compile(source);
    return true;
  } catch {
    return false;
  }
}

describe('a pattern', () => {
  it.each([
    ['[0-9]+', '12', true],
    ['[0-9]+', '12x', false],
    ['a|b', 'ab', false],
    ['', '', true],
    ['', 'a', false],
    ['(?i)v[0-9]', 'V1', true],
    ['.*', 'a\nb', false],
  ])('%s: the whole of %j is such: %s', (source, text, expected) => {
    expect(new Pattern(source).matches(text)).toBe(expected);
  });

  it('is found in a part of a text', () => {
    expect(new Pattern('b+').isFoundIn('abbc')).toBe(true);
    expect(new Pattern('^b+').isFoundIn('abbc')).toBe(false);
  });

  it.each([
    ['a(?=b)', 'a pattern cannot have a look-ahead (?=…)', 1],
    ['a(?!b)', 'a pattern cannot have a look-ahead (?!…)', 1],
    ['(?<=a)b', 'a pattern cannot have a look-behind (?<=…)', 0],
    ['ab(?<!a)b', 'a pattern cannot have a look-behind (?<!…)', 2],
    ['(a)\\1', 'a pattern cannot have the back-reference \\1', 3],
    ['(?<n>a)\\k<n>', 'a pattern cannot have the back-reference \\k<…>', 7],
    ['a[', 'not a regular expression: missing closing ]: [', 1],
    ['(a', 'not a regular expression: missing closing ): (a', 0],
    ['a)', 'not a regular expression: unexpected ): a)', 0],
  ])('%s is refused: %s', (source, message, offset) => {
    expect(() => new Pattern(source)).toThrow(expect.objectContaining({ code: 'pattern', message, offset }));
  });

  it.each(['[(?=]', '\\(?=', '\\Q(?=\\E', '[[:alpha:](?=]', '[](?=]'])('%s has no look-ahead', (source) => {
    expect(() => new Pattern(source)).not.toThrow();
  });

  it.each([
    '(a{1,1000}){6}',
    'a'.repeat(1001),
    '((a{30}){30}b){6}',
    '[)]((a{30}){30}b){6}',
    '[\\]]((a{30}){30}b){6}',
    '\\Q[\\E((a{30}){30}b){6}',
  ])('%s is larger than one may be', (source) => {
    expect(() => new Pattern(source)).toThrow(PatternError);
  });

  it('is at most 1000 characters, and 5000 with its repetitions written out', () => {
    expect(() => new Pattern('a'.repeat(1000))).not.toThrow();
    expect(() => new Pattern('a{1000}'.repeat(5))).not.toThrow();
    for (const source of ['a'.repeat(1001), '(a{1,30}){1,300}'])
      expect(() => new Pattern(source)).toThrow('at most 1000 characters, and 5000 with its repetitions');
  });

  it('is tried on no text that would take it too long', () => {
    const pattern = new Pattern('[ab]*a[ab]{900}$');

    expect(() => pattern.isFoundIn('ab'.repeat(20_000))).toThrow(
      /^the pattern .* is tried on at most \d+ characters, not on 40000$/,
    );
  });

  it('is tried on a text that is just as long as may be', () => {
    const pattern = new Pattern('a{1000}');

    expect(pattern.isFoundIn('b'.repeat(20_000))).toBe(false);
    expect(pattern.matches('b'.repeat(20_000))).toBe(false);
    expect(() => pattern.isFoundIn('b'.repeat(20_001))).toThrow(PatternError);
    expect(() => pattern.matches('b'.repeat(20_001))).toThrow(PatternError);
  });

  it('says what to do about a part that RE2 has not', () => {
    expect(() => new Pattern('a(?=b)')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('RE2') as unknown }),
    );
  });

  it('gives what JavaScript gives, where both can', () => {
    fc.assert(
      fc.property(patterns, fc.stringMatching(/^[ab.1]{0,12}$/), (source, text) => {
        fc.pre(isPattern(source));

        expect(new Pattern(source).matches(text)).toBe(new RegExp(`^(?:${source})$`, 'u').test(text));
      }),
      { numRuns: cases(300) },
    );
  });

  it('is no larger than is reckoned', () => {
    fc.assert(
      fc.property(patterns, (source) => {
        fc.pre(isPattern(source));

        expect(RE2JS.compile(source).programSize()).toBeLessThanOrEqual(4 * patternSize(source) + 10);
      }),
      { numRuns: cases(300) },
    );
  });
});
