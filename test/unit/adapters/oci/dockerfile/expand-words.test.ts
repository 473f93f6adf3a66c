import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  expandWord,
  parseJsonForm,
  splitWords,
} from '../../../../../src/adapters/oci/dockerfile/expand-words.ts';

const variables = new Map([
  ['NAME', 'value'],
  ['EMPTY', ''],
  ['PATH', '/usr/bin:/bin'],
]);
const expand = (word: string, escape = '\\') => expandWord(word, variables, escape);

describe('the words of an instruction', () => {
  it.each([
    ['plain', 'plain'],
    ['$NAME', 'value'],
    ['a$NAME/b', 'avalue/b'],
    ['${NAME}s', 'values'],
    ['$MISSING', ''],
    ['${MISSING:-default}', 'default'],
    ['${EMPTY:-default}', 'default'],
    ['${EMPTY-default}', ''],
    ['${NAME:+set}', 'set'],
    ['${EMPTY:+set}', ''],
    ['${EMPTY+set}', 'set'],
    ['${MISSING:-${NAME}}', 'value'],
    ['${MISSING:-"a b"}', 'a b'],
    ['${NAME:?needed}', 'value'],
    ['\\$NAME', '$NAME'],
    ['\\\\', '\\'],
    ["'$NAME'", '$NAME'],
    ['"$NAME"', 'value'],
    ['"a \\"b\\" \\$NAME \\n"', 'a "b" $NAME \\n'],
    ["'it'\\''s'", "it's"],
    ['/opt:$PATH', '/opt:/usr/bin:/bin'],
    ['$', '$'],
    ['a$ b', 'a$ b'],
    ['ü$NAMEx', 'ü'],
  ])('%s becomes %s', (word, expected) => {
    expect(expand(word)).toBe(expected);
  });

  it('know the other escape character', () => {
    expect(expand('C:\\dir\\`$NAME', '`')).toBe('C:\\dir\\$NAME');
  });

  it.each([
    ['"open', /the quote is not closed/],
    ["'open", /the quote is not closed/],
    ['${NAME', /the substitution of NAME is not closed/],
    ['${NAME%x}', /not known/],
    ['${}', /not known/],
    ['${MISSING:?give it}', /MISSING: give it/],
  ])('refuse %s', (word, message) => {
    expect(() => expand(word)).toThrow(message);
  });

  it('come back as they were when they are in single quotes', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes("'")),
        (text) => {
          expect(expand(`'${text}'`)).toBe(text);
        },
      ),
    );
  });

  it('come back as they were when every character is escaped', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~]*$/), (text) => {
        expect(expand(text.replaceAll(/./g, '\\$&'))).toBe(text);
      }),
    );
  });
});

describe('splitting at blanks', () => {
  it.each([
    ['a b  c', ['a', 'b', 'c']],
    ['A="x y" B=\'p q\' C=r\\ s', ['A="x y"', "B='p q'", 'C=r\\ s']],
    ['A="\\" x" y', ['A="\\" x"', 'y']],
    ["'\\' x", ["'\\'", 'x']],
    ['', []],
  ])('%j is %j', (text, expected) => {
    expect(splitWords(text, '\\')).toEqual(expected);
  });
});

describe('the JSON form', () => {
  it.each([
    ['["a", "b c"]', ['a', 'b c']],
    ['[]', []],
    ['["a"', undefined],
    ["['a']", undefined],
    ['[1]', undefined],
    ['echo ["a"]', undefined],
  ])('%s is %j', (text, expected) => {
    expect(parseJsonForm(text)).toEqual(expected);
  });
});
