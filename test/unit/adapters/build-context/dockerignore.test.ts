import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseDockerIgnore } from '../../../../src/adapters/build-context/dockerignore.ts';

const excluded = (patterns: readonly string[], path: string) =>
  parseDockerIgnore(patterns.join('\n')).excludes(path);

describe('.dockerignore, by the rules that Docker documents', () => {
  it.each([
    // the table of docs.docker.com
    ['*/temp*', 'somedir/temporary.txt', true],
    ['*/temp*', 'somedir/temp', true],
    ['*/temp*', 'temporary.txt', false],
    ['*/*/temp*', 'somedir/subdir/temporary.txt', true],
    ['*/*/temp*', 'somedir/temporary.txt', false],
    ['temp?', 'tempa', true],
    ['temp?', 'temp', false],
    ['temp?', 'tempab', false],
    ['**/*.go', 'main.go', true],
    ['**/*.go', 'a/b/c/main.go', true],
    // anchored, with or without a slash in front or behind
    ['/foo/bar', 'foo/bar', true],
    ['foo/bar', 'x/foo/bar', false],
    ['foo/', 'foo/x', true],
    ['node_modules', 'node_modules/a/b.js', true],
    ['node_modules', 'packages/a/node_modules/b.js', false],
    ['**/node_modules', 'packages/a/node_modules/b.js', true],
    ['./a/../b', 'b', true],
    // one star stays within a name
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['*', 'deep/down/file', true],
    // two stars
    ['**', 'dir/file', true],
    ['dir/**', 'dir/dir2/file', true],
    ['abc/**', 'abc', false],
    ['**/.foo', 'bar.foo', false],
    ['**/dir2/*', 'dir/dir2/file', true],
    ['**/file*.txt', 'dir/dir/file.txt', true],
    ['**/**/*.txt', 'file.txt', true],
    ['a**/*.txt', 'a/dir/dir/file.txt', true],
    ['a/*.txt', 'a/dir/file.txt', false],
    // classes and escapes of filepath.Match
    ['a[b-d]e', 'ace', true],
    ['a[b-d]e', 'aae', false],
    ['a[b-d]e', 'a[e', false],
    ['a[bc]e', 'are', false],
    ['a[^bc]e', 'are', true],
    ['a[^bc]e', 'a^e', true],
    ['a[^b-d]e', 'aze', true],
    ['a[^b]e', 'a/e', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['[\\]a]', ']', true],
    ['a[.-0]b', 'a/b', false],
    ['a[.-0]b', 'a0b', true],
    ['a[.-0]b', 'a.b', true],
    ['a[!-#]b', 'a.b', false],
    ['a[.-/]b', 'a.b', true],
    ['a[.-/]b', 'arb', false],
    ['a[/-0]b', 'a0b', true],
    ['a[/-0]b', 'arb', false],
    ['a[/]b', 'a/b', false],
    ['a[/]b', 'ab', false],
    ['a[^.-0]b', 'a/b', false],
    ['[☺x]', '☺', true],
    ['[\\a-\\c]', 'b', true],
    // what is special in a regular expression is not special here
    ['abc.def', 'abcZdef', false],
    ['a(b)c/def', 'a(b)c/def', true],
    ['a.|)$(}+{bc', 'a.|)$(}+{bc', true],
    ['a?b', 'a☺b', true],
    // case counts
    ['README.md', 'readme.md', false],
  ])('"%s" on "%s": %s', (pattern, path, expected) => {
    expect(excluded([pattern], path)).toBe(expected);
  });

  it.each([
    [['*.md', '!README.md'], 'README.md', false],
    [['*.md', '!README.md'], 'OTHER.md', true],
    [['*.md', '!README*.md', 'README-secret.md'], 'README-secret.md', true],
    [['*.md', 'README-secret.md', '!README*.md'], 'README-secret.md', false],
    [['docs', '!docs/README.md'], 'docs/README.md', false],
    [['docs', '!docs/README.md'], 'docs/other', true],
    [['**', '!util/docker/web'], 'util/docker/web/foo', false],
    [['**', '!util/docker/web', 'util/docker/web/foo'], 'util/docker/web/foo', true],
    [['*', '! src '], 'src/main.ts', false],
  ] as const)('the last line of %j that matches decides on "%s": %s', (patterns, path, expected) => {
    expect(excluded(patterns, path)).toBe(expected);
  });

  it('takes a line no longer for its stars', () => {
    const started = performance.now();

    expect(excluded([`${'*a'.repeat(20)}b`], 'a'.repeat(200))).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('skips comments, blank lines and the byte order mark', () => {
    const ignore = parseDockerIgnore('\uFEFF# comment\r\n\r\n  dist  \r\n');

    expect(ignore.excludes('dist/x')).toBe(true);
    expect(ignore.excludes('# comment')).toBe(false);
    expect(ignore.prunable).toEqual(['dist']);
  });

  it('takes a byte order mark within a name as part of the name', () => {
    expect(excluded(['a\uFEFFb'], 'a\uFEFFb')).toBe(true);
  });

  it.each([
    ['!', 'a line with nothing after "!"'],
    ['[', 'has an unclosed "["'],
    ['a[', 'has an unclosed "["'],
    ['[]a[b]', 'has an unclosed "["'],
    ['a\\', 'ends with a backslash'],
    ['[z-a]', 'is not a pattern'],
    ['[.-+]', 'is not a pattern'],
  ])('refuses the malformed pattern "%s": %s', (pattern, message) => {
    expect(() => parseDockerIgnore(pattern)).toThrow(/^\.dockerignore: /);
    expect(() => parseDockerIgnore(pattern)).toThrow(message);
  });

  it('names the folders that need not leave the agent, unless an exception may take something back', () => {
    expect(parseDockerIgnore('node_modules\n**/target\n*.log\n/build/').prunable).toEqual([
      'node_modules',
      'target',
      'build',
    ]);
    expect(parseDockerIgnore('node_modules\n!node_modules/keep').prunable).toEqual([]);
    expect(parseDockerIgnore('.\n/\n./\na**/b\n').prunable).toEqual([]);
  });

  it('prunes only what is excluded', () => {
    const name = fc.stringMatching(/^[a-c]{1,2}$/);
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
    fc.assert(
      fc.property(fc.array(path, { maxLength: 4 }), path, (patterns, tail) => {
        const ignore = parseDockerIgnore(patterns.map((pattern) => `**/${pattern}`).join('\n'));
        for (const pruned of ignore.prunable) {
          expect(ignore.excludes(pruned)).toBe(true);
          expect(ignore.excludes(`${pruned}/${tail}`)).toBe(true);
        }
      }),
    );
  });
});
