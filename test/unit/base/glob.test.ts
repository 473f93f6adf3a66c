import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import picomatch from 'picomatch';
import { compileGlob, globBase } from '../../../src/base/glob.ts';
import { cases } from '../../support/cases.ts';

const names = fc.stringMatching(/^[ab.]{1,3}$/).filter((name) => !/^\.{1,2}$/.test(name));
const paths = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const parts = fc.constantFrom(
  'a',
  'b',
  '.',
  '*',
  '?',
  'a*',
  '*b',
  '[ab]',
  '[^a]',
  '{a,b}',
  '*.b',
  'ab',
  '{a*,.b}',
);
const globs = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.array(parts, { minLength: 1, maxLength: 2 }).map((some) => some.join('')) },
      fc.constant('**'),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((segments) => segments.join('/'))
  .filter((glob) => !/\*\*[^/]|[^/]\*\*|\.\//.test(glob) && !/(^|\/)\.{1,2}(\/|$)/.test(glob));

describe('a glob', () => {
  it.each([
    ['*.xml', 'a.xml', true],
    ['*.xml', 'a/b.xml', false],
    ['reports/**', 'reports/a/b.xml', true],
    ['**/*.xml', 'b.xml', true],
    ['**/*.xml', 'a/.b/c.xml', true],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a[0-9].txt', 'a7.txt', true],
    ['a[!0-9].txt', 'a/.txt', false],
    ['{a,b}/c', 'b/c', true],
    ['a{b', 'a{b', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['a(b)+c', 'a(b)+c', true],
    ['ü?', 'ü☺', true],
    ['?a', '.a', true],
    ['*a', '.a', true],
    ['a/*', 'a/', false],
    ['*/b', '/b', false],
    ['a**b', 'axyb', true],
    ['a**b', 'a/b', false],
    ['**b', 'ab', true],
    ['**b', 'a/b', false],
    ['***/b', 'a/b', true],
    ['***/b', 'a/a/b', false],
    ['*x*{a,b}', '1x2b', true],
    ['*{[ab],c}', 'xb', true],
    ['*{a,[bc]}', 'xc', true],
    ['*{[,],b}', 'x,', true],
    ['**{a,b}', 'xb', true],
    ['{a}', '{a}', true],
    ['a,b', 'a,b', true],
    ['a}b', 'a}b', true],
    ['{a,b},c', 'b,c', true],
    ['{a,b}}', 'a}', true],
    ['x{a,b}{', 'xa{', true],
    ['a[b', 'a[b', true],
    ['[[]a', '[a', true],
    ['[a^]', '^', true],
    ['[!ab]', 'c', true],
    ['[!ab]', 'b', false],
    ['[\\]]a', ']a', true],
    ['[a\\]]', 'a', true],
    ['**b', 'a/xb', false],
    ['{a,{b}}', '{b}', true],
    ['x}{a,b}', 'x}b', true],
    ['a\\', 'a\\', true],
  ])('%s on %s: %s', (glob, path, expected) => {
    expect(compileGlob(glob, { dot: true })(path)).toBe(expected);
  });

  it.each([
    ['*{a*,.b}', '.b', false],
    ['*{a*,.b}', 'x.b', true],
    ['*{a*,.b}', 'ab', true],
    ['{*a,.b}', '.b', true],
    ['*{.js,.ts}', 'a.ts', true],
    ['?a', '.a', false],
    ['?a', 'ba', true],
    ['a?b', 'a.b', true],
    ['a{*,b}', 'a.x', true],
    ['*', '.a', false],
    ['a/*', 'a/.b', false],
    ['a*', 'a.b', true],
    ['*{.js,.ts}', '.ts', false],
  ])('%s on %s: %s, where wildcards match no leading dot', (glob, path, expected) => {
    expect(compileGlob(glob)(path)).toBe(expected);
    expect(picomatch(glob)(path)).toBe(expected);
  });

  it('takes braces for themselves in a plain pattern', () => {
    expect(compileGlob('*{a,b}', { plain: true })('x{a,b}')).toBe(true);
    expect(compileGlob('**', { plain: true })('a')).toBe(true);
    expect(compileGlob('**', { plain: true })('a/b')).toBe(false);
  });

  it('hides names with a dot from the stars of a group, too, as a shell does', () => {
    expect(compileGlob('{*,b}/c')('.a/c')).toBe(false);
    expect(compileGlob('{*,b}/c')('a/c')).toBe(true);
  });

  it.each([
    ['*x*{a,b}', '1x2b', true],
    ['x/*{a,.b}', 'x/.b', false],
    ['**{a,.b}', '.b', false],
    ['*{[{x],.b}', '.b', false],
    ['*{.b,[{x]}', '.b', false],
    ['*{\\,a,b}', 'x,ya', false],
    ['*{[x,]a,b}', 'y*a', false],
    ['*{[x,]a,b}', 'y,a', true],
  ])('%s on %s: %s, where a star stands before a group', (glob, path, expected) => {
    expect(compileGlob(glob)(path)).toBe(expected);
  });

  it.each(['!a', '+(a|b)', '!(a)', '?(a)b', '[z-a]'])('%s is refused', (glob) => {
    expect(() => compileGlob(glob)).toThrow(/pattern/);
  });

  it('has at most 1000 characters', () => {
    expect(compileGlob('a'.repeat(996))('a')).toBe(false);
    expect(() => compileGlob('a'.repeat(1001))).toThrow(
      /^.{1,70} is not a pattern of paths: it has more than 1000/,
    );
  });

  it.each([true, false])('means what it means elsewhere; names with a dot: %s', (dot) => {
    fc.assert(
      fc.property(globs, paths, (glob, path) => {
        // Of picomatch a/** may be a itself.
        fc.pre(!glob.endsWith('/**') || !picomatch(glob.slice(0, -3), { dot })(path));

        expect([glob, path, compileGlob(glob, { dot })(path)]).toEqual([
          glob,
          path,
          picomatch(glob, { dot })(path),
        ]);
      }),
      { numRuns: cases(3000) },
    );
  });

  it('takes no longer for its stars', () => {
    const started = performance.now();

    expect(compileGlob(`${'*a'.repeat(20)}b`)('a'.repeat(250))).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it.each([
    ['reports/*.xml', 'reports'],
    ['a/b/**', 'a/b'],
    ['*.xml', ''],
    ['a/b.xml', 'a/b.xml'],
    ['a/{b,c}/d', 'a'],
  ])('%s lies in %j', (glob, base) => {
    expect(globBase(glob)).toBe(base);
  });
});
