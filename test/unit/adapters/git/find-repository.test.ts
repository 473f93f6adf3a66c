import { chown, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runCommand } from '../../../../scripts/run-command.ts';
import { findRepository } from '../../../../src/adapters/git/find-repository.ts';
import { createSourceRepository } from '../../../../src/adapters/git/source-repository.ts';

const { signal } = new AbortController();
let root: string;
/** A repository with one commit. */
let top: string;

const git = (directory: string, ...args: string[]) => {
  const identity = [
    '-c',
    'user.name=Ada',
    '-c',
    'user.email=ada@example.com',
    '-c',
    'protocol.file.allow=always',
  ];
  return runCommand(['git', '-C', directory, ...identity, ...args]);
};

beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'slipway-find-')));
  top = path.join(root, 'repository');
  await mkdir(path.join(top, 'deep', 'down'), { recursive: true });
  await git(top, 'init', '--quiet', '--initial-branch=main');
  await git(top, 'commit', '--quiet', '--allow-empty', '--message', 'First');
});
afterEach(() => rm(root, { recursive: true }));

describe('the repository that a folder lies in', () => {
  it('is the next one upwards, by links too', async () => {
    await symlink(path.join(top, 'deep'), path.join(root, 'link'));

    for (const folder of [top, path.join(top, 'deep', 'down'), path.join(root, 'link', 'down')])
      expect(await findRepository(folder)).toMatchObject({ top, gitDirectory: path.join(top, '.git') });
    expect(await findRepository(path.join(root, 'not-there'))).toBeUndefined();
  });

  it('is never a bare one, which a commit can bring', async () => {
    const folder = path.join(top, 'deep', 'down');
    await git(folder, 'init', '--quiet', '--bare');
    await git(folder, 'init', '--quiet', '--bare', 'inner.git');

    expect(await findRepository(folder)).toMatchObject({ top });
    expect(await findRepository(path.join(folder, 'inner.git', 'refs'))).toMatchObject({ top });
  });

  it('is not a .git folder without a repository in it', async () => {
    await mkdir(path.join(top, 'deep', '.git'));

    expect(await findRepository(path.join(top, 'deep'))).toMatchObject({ top });
  });

  it('may be a linked worktree: its own HEAD, the same commits', async () => {
    const tree = path.join(root, 'tree');
    await git(top, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
    await git(tree, 'commit', '--quiet', '--allow-empty', '--message', 'Second');
    await writeFile(path.join(tree, 'new.txt'), '');

    expect(await createSourceRepository().workingCopy(tree, { signal })).toMatchObject({
      ...{ directory: tree, branch: 'topic', message: 'Second', uncommitted: 1 },
    });
    expect(await createSourceRepository().workingCopy(top, { signal })).toMatchObject({ branch: 'main' });
  });

  it('may be a submodule', async () => {
    await git(top, 'submodule', '--quiet', 'add', '--name', 'lib', top, 'lib');

    expect(await createSourceRepository().workingCopy(path.join(top, 'lib'), { signal })).toMatchObject({
      ...{ directory: path.join(top, 'lib'), message: 'First', origin: top },
    });
  });

  it.each([
    ['file', (entry: string) => writeFile(entry, `gitdir: ${top}/.git\n`)],
    ['link', (entry: string) => symlink(path.join(top, '.git'), entry)],
  ])('is not one that a .git %s names and that knows nothing of it', async (_what, make) => {
    const other = path.join(root, 'other');
    await mkdir(other);
    await make(path.join(other, '.git'));

    await expect(findRepository(other)).rejects.toMatchObject({
      message: `${other}/.git names ${top}/.git, which does not name ${other} as its working tree`,
    });
    await git(root, `--git-dir=${top}/.git`, 'config', 'core.worktree', other); // as the hint says
    expect(await findRepository(other)).toMatchObject({ top: other });
  });

  it('is not guessed where a .git file names nothing', async () => {
    await writeFile(path.join(top, 'deep', '.git'), 'gitdir: ../nowhere\n');

    await expect(findRepository(path.join(top, 'deep'))).rejects.toMatchObject({
      message: expect.stringContaining('names no Git directory'),
    });
  });

  it('is not one of another user above a folder of ours, but may belong to the folder’s owner', async () => {
    if (process.getuid?.() !== 0) return; // only root can give files away
    await chown(path.join(top, '.git'), 4242, 4242);
    const folder = path.join(top, 'deep');

    await expect(findRepository(folder)).rejects.toMatchObject({
      message: expect.stringContaining('belongs to another user (4242)'),
    });
    await chown(folder, 4242, 4242);
    expect(await createSourceRepository().workingCopy(folder, { signal })).toMatchObject({
      message: 'First',
    });
  });
});

describe('a repository of an odd form', () => {
  it.each([
    ['an extension that is not known', ['extensions.frobnicate', 'true'], 'extensions.frobnicate = true'],
    ['a format that is not known', ['core.repositoryformatversion', '7'], 'core.repositoryformatversion = 7'],
  ])('is refused for %s', async (_what, [key, value], message) => {
    await git(top, 'config', key ?? '', value ?? '');

    await expect(createSourceRepository().workingCopy(top, { signal })).rejects.toMatchObject({
      message: expect.stringContaining(message),
    });
  });

  it('is read with a split index, packed refs and a shallow history', async () => {
    await writeFile(path.join(top, 'a'), 'a');
    await git(top, 'add', 'a');
    await git(top, 'commit', '--quiet', '--message', 'Second');
    const shallow = path.join(root, 'shallow');
    await git(root, 'clone', '--quiet', '--depth=1', `file://${top}`, shallow);
    await git(shallow, 'update-index', '--split-index');
    await git(shallow, 'pack-refs', '--all');
    const repository = createSourceRepository();

    expect(await repository.workingCopy(shallow, { signal })).toMatchObject({
      ...{ message: 'Second', branch: 'main', uncommitted: 0 },
    });
    const packed = await repository.pack({ directory: shallow, ref: 'main', depth: 0 }, { signal });
    packed.open().destroy();
    await packed.dispose();
    expect(packed.commit).toMatchObject({ branch: 'main', message: 'Second' });
  });

  it('gives no branch for a tag', async () => {
    await git(top, 'tag', 'v1');

    const packed = await createSourceRepository().pack({ directory: top, ref: 'v1', depth: 1 }, { signal });
    packed.open().destroy();
    await packed.dispose();

    expect(packed.commit).toMatchObject({ branch: '', tag: 'v1' });
  });

  it('ends with a hint where it has no commit', async () => {
    await rename(path.join(top, '.git', 'refs', 'heads', 'main'), path.join(root, 'main'));

    await expect(createSourceRepository().workingCopy(top, { signal })).rejects.toMatchObject({
      ...{ code: 'source', hint: expect.stringContaining('first commit') },
    });
  });
});
