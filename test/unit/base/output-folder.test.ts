import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OutputFolder } from '../../../src/base/files/output-folder.ts';

let base: string;
let results: OutputFolder;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'slipway-output-')));
  mkdirSync(join(base, 'tree/.git'), { recursive: true });
  results = new OutputFolder(at('tree/results'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const at = (name: string) => join(base, name);
const text = (name: string) => readFileSync(at(name), 'utf8');

async function write(folder: OutputFolder, name: string, content: string): Promise<void> {
  const file = await folder.createFile(name);
  await file.writeFile(content).finally(() => file.close());
}

describe('a check of a folder for results', () => {
  it('makes nothing, not even what lies above the folder', async () => {
    await new OutputFolder(at('not/there/results')).check('a/b');

    expect(readdirSync(base)).toEqual(['tree']);
  });

  it('takes what is there already and can be written', async () => {
    mkdirSync(at('tree/results/folder'), { recursive: true });
    writeFileSync(at('tree/results/file'), '');

    await results.check('');
    await results.check('folder');
    await results.check('folder/sub');
    await results.check('file', 'file');
    await results.check('new', 'file');
  });

  it('refuses what stands in the way', async () => {
    mkdirSync(at('tree/results/folder'), { recursive: true });
    writeFileSync(at('tree/results/file'), '');
    symlinkSync(base, at('tree/results/link'));

    await expect(results.check('file')).rejects.toMatchObject({
      message: `cannot write to ${at('tree/results/file')}: it is a file`,
      hint: expect.stringContaining('remove it') as unknown,
    });
    await expect(results.check('folder', 'file')).rejects.toThrow('folder: it is a folder');
    await expect(results.check('file/x', 'file')).rejects.toThrow('file: it is a file');
    await expect(results.check('link/x', 'file')).rejects.toMatchObject({
      code: 'refused-path',
      hint: expect.stringContaining('remove the link') as unknown,
    });
    await expect(results.check('x'.repeat(300))).rejects.toThrow('(ENAMETOOLONG)');
  });
});

describe('a folder for results', () => {
  it('is made with those above it, also by two at once, and may be there', async () => {
    const folder = new OutputFolder(at('not/there/results'));

    expect(await folder.makeFolder()).toBe(at('not/there/results'));
    expect(await folder.makeFolder()).toBe(at('not/there/results'));
    await Promise.all(Array.from({ length: 8 }, () => folder.makeFolder('a/b/c')));
    expect(statSync(at('not/there/results/a/b/c')).isDirectory()).toBe(true);
  });

  it('may be the foreign tree itself, reached over a link', async () => {
    symlinkSync(at('tree'), at('work'));

    await write(new OutputFolder(at('work')), 'file', 'new');

    expect(text('tree/file')).toBe('new');
  });

  it.each(['../results-of-others/x', '/x', 'a/../../x', 'a\0b'])('has nothing of the name %j', (name) => {
    expect(() => results.inside(name)).toThrow(`leaves its folder ${at('tree/results')}`);
  });

  it('takes no absolute name, even one of its own', () => {
    expect(() => results.inside(at('tree/results/a'))).toThrow('leaves its folder');
    expect(results.inside('a/../b')).toBe(at('tree/results/b'));
  });

  it('shows the beginning of a name that it has not', () => {
    expect(() => results.inside(`../${'x'.repeat(9000)}`)).toThrow(/^.{1,1000}$/);
  });
});

describe('a file of results', () => {
  it('takes the place of an earlier one', async () => {
    await write(results, 'a/file', 'a long first text');
    await write(results, 'a/file', 'second');

    expect(text('tree/results/a/file')).toBe('second');
  });

  it('is opened with what it has, or empty, with the folders above', async () => {
    for (const [content, after] of [
      ['one', 'one'],
      ['TW', 'TWe'],
    ] as const) {
      const file = await results.openFile('a/b/file');
      await file.write(content, 0).finally(() => file.close());
      expect(text('tree/results/a/b/file')).toBe(after);
    }
  });

  it('is read where there is one; nothing is made where there is none', async () => {
    expect(await results.openToRead('a/file')).toBeUndefined();
    await results.removeFile('a/file');
    expect(existsSync(at('tree/results'))).toBe(false);

    await write(results, 'a/file', 'text');
    await using file = await results.openToRead('a/file');
    expect(await file?.readFile('utf8')).toBe('text');
  });

  it('is removed', async () => {
    await write(results, 'file', 'text');

    await results.removeFile('file');

    expect(readdirSync(at('tree/results'))).toEqual([]);
  });

  it('is moved in the place of another, with the folders above', async () => {
    await write(results, 'a/old', 'first');
    await results.moveFile('a/old', 'b/c/new');
    await write(results, 'a/old', 'second');
    await results.moveFile('a/old', 'b/c/new');

    expect(text('tree/results/b/c/new')).toBe('second');
    expect(existsSync(at('tree/results/a/old'))).toBe(false);
  });

  it('is moved neither through links nor onto a folder, and none is made for one that is not there', async () => {
    mkdirSync(at('elsewhere'));
    writeFileSync(at('elsewhere/old'), 'text');
    await write(results, 'old', 'text');
    await results.makeFolder('folder');
    symlinkSync(at('elsewhere'), at('tree/results/link'));

    await expect(results.moveFile('link/old', 'new')).rejects.toMatchObject({ code: 'refused-path' });
    await expect(results.moveFile('old', 'link/new')).rejects.toMatchObject({ code: 'refused-path' });
    await expect(results.moveFile('old', 'folder')).rejects.toMatchObject({ code: 'refused-path' });
    await expect(results.moveFile('missing/old', 'new')).rejects.toMatchObject({ code: 'file' });
    expect(existsSync(at('tree/results/missing'))).toBe(false);
  });
});

describe('a folder of results that is removed', () => {
  it('goes with all that is in it, but not with what its links lead to', async () => {
    mkdirSync(at('elsewhere'));
    writeFileSync(at('elsewhere/file'), 'text');
    await write(results, 'a/b/file', 'text');
    symlinkSync(at('elsewhere'), at('tree/results/a/link'));

    await results.removeFolder('a');

    expect(readdirSync(at('tree/results'))).toEqual([]);
    expect(text('elsewhere/file')).toBe('text');
  });

  it('need not be there, and is not made for it', async () => {
    await results.removeFolder('a/b');

    expect(existsSync(at('tree/results'))).toBe(false);
  });

  it('does not lie behind a link', async () => {
    mkdirSync(at('elsewhere/folder'), { recursive: true });
    mkdirSync(at('tree/results'));
    symlinkSync(at('elsewhere'), at('tree/results/link'));

    await expect(results.removeFolder('link/folder')).rejects.toMatchObject({ code: 'refused-path' });
    expect(existsSync(at('elsewhere/folder'))).toBe(true);
  });
});
