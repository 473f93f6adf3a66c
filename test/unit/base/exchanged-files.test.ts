import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as files from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

/** What happens between the last look at a file and its opening. */
let beforeOpen = (): void => undefined;

jest.unstable_mockModule('node:fs/promises', () => ({
  ...files,
  open: (...args: Parameters<typeof files.open>) => {
    beforeOpen();
    return files.open(...args);
  },
}));
const { readRegularFile } = await import('../../../src/base/files/read-file.ts');
const { OutputFolder } = await import('../../../src/base/files/output-folder.ts');

let base: string;
let tree: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'slipway-exchanged-')));
  tree = join(base, 'tree');
  mkdirSync(join(tree, '.git'), { recursive: true });
  writeFileSync(join(base, 'private'), 'private');
  writeFileSync(join(tree, 'file'), 'own');
  beforeOpen = () => {
    rmSync(join(tree, 'file'), { force: true });
    symlinkSync(join(base, 'private'), join(tree, 'file'));
  };
});
afterEach(() => {
  beforeOpen = () => undefined;
  rmSync(base, { recursive: true, force: true });
});

describe('a file that becomes a link between the look at it and its opening', () => {
  it('is not read', async () => {
    await expect(readRegularFile(join(tree, 'file'), { largest: 100 })).rejects.toMatchObject({
      code: 'ELOOP',
    });
  });

  it.each(['createFile', 'openFile', 'openToRead'] as const)('is not opened by %s', async (open) => {
    await expect(new OutputFolder(tree)[open]('file')).rejects.toMatchObject({
      name: expect.stringMatching(/^(RefusedPath|File)Error$/) as unknown,
    });
    expect(readFileSync(join(base, 'private'), 'utf8')).toBe('private');
  });
});

describe('a file that becomes a pipe between the look at it and its opening', () => {
  it('is not read', async () => {
    beforeOpen = () => {
      rmSync(join(tree, 'file'));
      execFileSync('mkfifo', [join(tree, 'file')]);
    };

    await expect(readRegularFile(join(tree, 'file'), { largest: 100 })).rejects.toThrow('is a named pipe');
  });
});

describe('a hard link that appears where a file is about to be made', () => {
  it('is not written through', async () => {
    beforeOpen = () => linkSync(join(base, 'private'), join(tree, 'file'));

    await expect(new OutputFolder(tree).createFile('file')).rejects.toMatchObject({ name: 'FileError' });
  });
});

describe('a pipe', () => {
  it('is refused without being opened, which can have effects', async () => {
    execFileSync('mkfifo', [join(tree, 'pipe')]);
    beforeOpen = () => expect('the pipe').toBe('not opened');

    await expect(readRegularFile(join(tree, 'pipe'), { largest: 100 })).rejects.toMatchObject({
      code: 'refused-path',
    });
  });
});
