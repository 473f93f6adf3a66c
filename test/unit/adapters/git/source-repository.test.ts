import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { extract } from 'tar-fs';
import { createSourceRepository } from '../../../../src/adapters/git/source-repository.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const repository = createSourceRepository();
let folder: string;

async function git(...args: string[]): Promise<string> {
  const { stdout } = await run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
    cwd: folder,
  });
  return stdout.trim();
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slipway-git-'));
  await git('init', '--quiet', '--initial-branch=main');
  await git('remote', 'add', 'origin', 'https://me:hunter22@git.example.com/shop.git');
  for (const name of ['a', 'b']) {
    await writeFile(path.join(folder, name), name);
    await git('add', '.');
    await git('commit', '--quiet', '-m', `Add ${name}`);
  }
  await writeFile(path.join(folder, 'c'), 'c');
});
afterAll(() => rm(folder, { recursive: true }));

describe('the runner’s own Git repositories', () => {
  it('tells commit, branch, changed files and origin without its password', async () => {
    const copy = await repository.workingCopy(folder, { signal });

    expect(copy).toEqual({
      sha: await git('rev-parse', 'HEAD'),
      branch: 'main',
      tag: '',
      author: 'Ada <ada@example.com>',
      message: 'Add b',
      directory: folder,
      origin: 'https://git.example.com/shop.git',
      uncommitted: 1,
    });
  });

  it('knows a folder that is no working copy', async () => {
    const empty = await mkdtemp(path.join(tmpdir(), 'slipway-none-'));

    expect(await repository.workingCopy(empty, { signal })).toBeUndefined();
    await rm(empty, { recursive: true });
  });

  it('packs a commit as a bare repository, shallow when asked', async () => {
    const packed = await repository.pack({ directory: folder, ref: 'main', depth: 1 }, { signal });
    const target = await mkdtemp(path.join(tmpdir(), 'slipway-packed-'));
    try {
      await pipeline(packed.open(), extract(target));

      const { stdout } = await run('git', ['-C', target, 'log', '--format=%s', 'refs/slipway/commit']);
      expect(stdout.trim()).toBe('Add b');
      expect(packed.commit).toMatchObject({ branch: 'main', message: 'Add b' });
    } finally {
      await packed.dispose();
      await rm(target, { recursive: true });
    }
  });

  it.each([
    [false, 0, ''],
    [true, 0, 'annotated\nold'],
    [true, 1, 'annotated\nold'],
  ])('packs tags where they are asked for (%s), with depth %i', async (tags, depth, expected) => {
    await git('tag', '--force', 'old', 'HEAD~1');
    await git('tag', '--force', '--annotate', '--message', 'x', 'annotated', 'HEAD~1');
    const packed = await repository.pack({ directory: folder, ref: 'main', depth, tags }, { signal });
    const target = await mkdtemp(path.join(tmpdir(), 'slipway-packed-'));
    try {
      await pipeline(packed.open(), extract(target));

      expect((await run('git', ['-C', target, 'tag'])).stdout.trim()).toBe(expected);
    } finally {
      await packed.dispose();
      await rm(target, { recursive: true });
      await git('tag', '--delete', 'old', 'annotated');
    }
  });

  it('tells which files changed between two commits', async () => {
    expect(
      await repository.changedFiles({ directory: folder, from: 'HEAD~1', to: 'HEAD' }, { signal }),
    ).toEqual(['b']);
  });

  it.each([['no-such-ref'], ['--output=/tmp/x']])('refuses the ref %s', async (ref) => {
    await expect(repository.pack({ directory: folder, ref, depth: 1 }, { signal })).rejects.toMatchObject({
      code: 'source',
    });
  });
});
