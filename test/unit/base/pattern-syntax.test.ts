import { describe, expect, it } from '@jest/globals';
import { patternSize } from '../../../src/base/pattern-syntax.ts';

describe('the size of a pattern', () => {
  it.each([
    // written out, it is as long as …
    ['', 'a'],
    ['(ab){3}', '(ab)(ab)(ab)'],
    ['a{2,5}', 'aaaaa'],
    ['a{3,}', 'aaa'],
    ['xa{0}', 'xa'],
    ['a{2}{3}', 'aaaaaa'],
    ['((a{2}b){2}c){2}', '((aab)(aab)c)((aab)(aab)c)'],
    ['a{', 'ab'],
    ['a{x}{2}', 'abcdd'],
    ['a{1,2}{b', 'aabc'],
    // a class is a character
    ['[abc]{2}', 'aa'],
    ['[^]a]b', 'ab'],
    ['[]a]b', 'ab'],
    ['[\\]a]b', 'ab'],
    ['[a\\\\]b', 'ab'],
    ['[[:alpha:]]b', 'ab'],
    ['[a[:]b', 'ab'],
    ['[[::]]b', 'ab'],
    ['[)(]{2}', 'aa'],
    // so is an escape, and a quotation
    ['\\({2}', 'aa'],
    ['\\p{Greek}{2}', 'aa'],
    ['\\P{Greek}b', 'ab'],
    ['\\x{10FFFF}b', 'ab'],
    ['\\d{2}', 'aa'],
    ['a\\p{Greek}', 'ab'],
    ['\\Q((\\Eb', 'ab'],
    ['\\Q((', 'a'],
    ['a\\Q(\\E(b)\\Q(\\E', 'a((b)('],
    ['\\Q\\Eb', 'ab'],
  ])('%s is as large as %s', (pattern, written) => {
    expect(patternSize(pattern)).toBe(written.length);
  });
});
