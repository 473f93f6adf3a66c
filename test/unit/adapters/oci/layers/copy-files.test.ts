import { describe, expect, it } from '@jest/globals';
import { copyFiles } from '../../../../../src/adapters/oci/layers/copy-files.ts';
import { FileTree, type FileNode } from '../../../../../src/adapters/oci/layers/file-tree.ts';

const file = (more: Partial<FileNode> = {}): FileNode =>
  ({
    type: 'file',
    mode: 0o644,
    uid: 9,
    gid: 9,
    size: 1,
    content: { in: 'spool', offset: 0 },
    ...more,
  }) as FileNode;
const folder: FileNode = { type: 'directory', mode: 0o700, uid: 9, gid: 9 };
const symlink = (target: string): FileNode => ({ type: 'symlink', mode: 0o777, uid: 9, gid: 9, target });

const tree = (nodes: Record<string, FileNode>) => {
  const made = new FileTree();
  for (const [path, node] of Object.entries(nodes)) made.set(path, node);
  return made;
};

const context = tree({
  'a.txt': file(),
  'b.txt': file(),
  '.hidden.txt': file(),
  'c.md': file(),
  '[x].txt': file(),
  dir: folder,
  'dir/one': file({ mode: 0o755 }),
  'dir/sub/two': file(),
  'dir/link': symlink('one'),
  linked: symlink('dir'),
  round: symlink('round'),
});

const copy = (sources: string[], destination: string, more: Partial<Parameters<typeof copyFiles>[0]> = {}) =>
  copyFiles({
    instruction: { keyword: 'COPY', line: 7, flags: [], text: '' },
    sources,
    destination,
    workingDirectory: '/work',
    from: context,
    into: tree({ usr: folder, 'usr/bin': folder, bin: symlink('usr/bin'), 'etc/conf': file() }),
    owner: { uid: 0, gid: 0 },
    ...more,
  });
const names = (entries: Map<string, FileNode>) => [...entries.keys()].sort();

describe('COPY', () => {
  it.each([
    [['a.txt'], '/x', ['x']],
    [['a.txt'], '/x/', ['x', 'x/a.txt']],
    [['./a.txt'], 'x', ['work', 'work/x']],
    [['/a.txt'], '.', ['work', 'work/a.txt']],
    [['../a.txt'], './', ['work', 'work/a.txt']],
    [['a.txt'], '../y/../x', ['x']],
    [['a.txt'], '/usr/bin', ['usr', 'usr/bin', 'usr/bin/a.txt']],
    [['a.txt'], '/bin', ['usr', 'usr/bin', 'usr/bin/a.txt']],
    [['a.txt', 'b.txt'], '/x/', ['x', 'x/a.txt', 'x/b.txt']],
    [['*.txt'], '/x/', ['x', 'x/.hidden.txt', 'x/[x].txt', 'x/a.txt', 'x/b.txt']],
    [['?.txt'], '/x/', ['x', 'x/a.txt', 'x/b.txt']],
    [['[ab].txt'], '/x/', ['x', 'x/a.txt', 'x/b.txt']],
    [['[x].txt'], '/x/', ['x', 'x/[x].txt']],
    [['di*/one'], '/x/', ['x', 'x/one']],
    [['dir'], '/x', ['x', 'x/link', 'x/one', 'x/sub', 'x/sub/two']],
    [['dir/'], '/usr/', ['usr', 'usr/link', 'usr/one', 'usr/sub', 'usr/sub/two']],
    [['linked'], '/x', ['x', 'x/link', 'x/one', 'x/sub', 'x/sub/two']],
    [['dir/sub/..'], '/x', ['x', 'x/link', 'x/one', 'x/sub', 'x/sub/two']],
  ])('%j to %s makes %j', (sources, destination, expected) => {
    expect(names(copy(sources, destination))).toEqual(expected);
  });

  it('copies the whole context without a folder for itself', () => {
    expect(copy(['.'], '/').has('dir/sub/two')).toBe(true);
    expect(copy(['.'], '/').has('')).toBe(false);
  });

  it('gives everything to root, or to whom it is told, and keeps what folders above are', () => {
    expect(copy(['dir/one'], '/usr/bin/').get('usr/bin/one')).toMatchObject({ uid: 0, gid: 0, mode: 0o755 });
    const entries = copy(['dir/one'], '/usr/bin/new/one', { owner: { uid: 5, gid: 6 }, mode: 0o600 });

    expect(entries.get('usr/bin/new/one')).toMatchObject({ uid: 5, gid: 6, mode: 0o600 });
    expect(entries.get('usr/bin/new')).toEqual({ type: 'directory', mode: 0o755, uid: 5, gid: 6 });
    expect(entries.get('usr/bin')).toEqual(folder);
  });

  it('follows a link that is named and keeps one below a folder', () => {
    expect(copy(['dir/link'], '/x').get('x')).toMatchObject({ type: 'file' });
    expect(copy(['dir'], '/x').get('x/link')).toMatchObject({ type: 'symlink', target: 'one' });
  });

  it.each([
    [['none'], '/x', /line 7: COPY: none is not in the source/],
    [['*.none'], '/x', /\*\.none is not in the source/],
    [['a.txt', 'b.txt'], '/x', /several files are copied: \/x has to end with \//],
    [['*.txt'], '/x', /several files are copied/],
    [['a.txt'], '/etc/conf/', /\/etc\/conf\/ is not a folder in the image/],
    [['dir'], '/etc/conf', /\/etc\/conf is not a folder in the image/],
    [['round'], '/x', /too many symbolic links/],
  ])('refuses %j to %s', (sources, destination, message) => {
    expect(() => copy(sources, destination)).toThrow(message);
  });
});

describe('a tree of files', () => {
  it('follows links as a process in the image would', () => {
    const files = tree({
      'usr/lib/x': file(),
      lib: symlink('usr/lib'),
      'a/up': symlink('../lib'),
      'a/root': symlink('/lib/x'),
      'a/out': symlink('../../../../lib'),
    });

    expect(files.resolve('/lib/x', 'keep')).toBe('usr/lib/x');
    expect(files.resolve('lib', 'keep')).toBe('lib');
    expect(files.resolve('lib', 'follow')).toBe('usr/lib');
    expect(files.resolve('a/up/x', 'keep')).toBe('usr/lib/x');
    expect(files.resolve('a/root', 'follow')).toBe('usr/lib/x');
    expect(files.resolve('a/out/x', 'follow')).toBe('usr/lib/x');
    expect(files.resolve('new/deep/../file', 'follow')).toBe('new/file');
  });

  it('takes away what lay below a folder that becomes a file', () => {
    const files = tree({ 'a/b/c': file(), 'ab/c': file() });
    files.set('a', file());

    expect([...files.below()].map(([path]) => path).sort()).toEqual(['a', 'ab', 'ab/c']);
  });
});
