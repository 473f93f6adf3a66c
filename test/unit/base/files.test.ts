import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compileCacheFolder } from '../../../src/base/files/compile-cache-folder.ts';
import { fileNameOf } from '../../../src/base/files/file-name.ts';
import { foreignTree } from '../../../src/base/files/foreign-tree.ts';
import { OutputFolder } from '../../../src/base/files/output-folder.ts';
import { readRegularFile } from '../../../src/base/files/read-file.ts';

let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'slipway-files-')));
  for (const folder of ['tree/.git', 'tree/module/.git', 'elsewhere'])
    mkdirSync(join(base, folder), { recursive: true });
  writeFileSync(join(base, 'elsewhere/file'), 'text');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const at = (name: string) => join(base, name);
const link = (target: string, name: string) => symlinkSync(at(target), at(name));
const read = async (name: string) => (await readRegularFile(at(name), { largest: 10 })).toString();

async function write(folder: string, name: string): Promise<void> {
  const file = await new OutputFolder(at(folder)).createFile(name);
  await file.writeFile('written').finally(() => file.close());
}

describe('the foreign tree of a path', () => {
  it('is the outermost repository, whatever lies in it', async () => {
    expect(await foreignTree(at('tree/module/file'))).toBe(at('tree'));
    expect(await foreignTree(at('tree/not/there/yet'))).toBe(at('tree'));
    expect(await foreignTree(at('elsewhere/file'))).toBeUndefined();
  });

  it('is the current folder, by whatever name, where there is no repository', async () => {
    const repository = process.cwd();
    symlinkSync(repository, at('elsewhere/here'));

    expect(await foreignTree(at('elsewhere/here/x/y'))).toBe(at('elsewhere/here'));
  });
});

describe('reading a file', () => {
  it('follows a link that is not of a foreign tree: the user or the machine made it', async () => {
    mkdirSync(at('mounted/..data'), { recursive: true });
    link('elsewhere/file', 'mounted/..data/key');
    link('mounted/..data/key', 'mounted/key');

    expect(await read('mounted/key')).toBe('text');
  });

  it('follows the links above a foreign tree, and those that stay in it', async () => {
    writeFileSync(at('tree/module/file'), 'inside');
    link('tree/module', 'tree/other');
    link('tree', 'work');

    expect(await read('work/other/file')).toBe('inside');
  });

  it('opens nothing but regular files', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    symlinkSync('/dev/null', at('device'));

    await expect(read('pipe')).rejects.toMatchObject({
      code: 'refused-path',
      message: `${at('pipe')} is a named pipe: only regular files are read`,
    });
    await expect(read('device')).rejects.toThrow('is a device');
    await expect(read('elsewhere')).rejects.toThrow('is a folder');
  });

  it('opens no socket', async () => {
    const server = createServer().listen(at('socket'));
    await once(server, 'listening');
    try {
      await expect(read('socket')).rejects.toThrow('is a socket');
    } finally {
      server.close();
    }
  });

  it('follows no link of a foreign tree that leads out of it, or into its .git', async () => {
    writeFileSync(at('tree/.git/config'), 'settings');
    link('elsewhere', 'tree/out');
    link('tree/.git/config', 'tree/config');

    await expect(read('tree/out/file')).rejects.toMatchObject({
      code: 'refused-path',
      message: `${at('tree/out/file')} is not read: ${at('tree/out')} is a symbolic link to "${at('elsewhere')}", outside of ${at('tree')}`,
      hint: expect.stringContaining('inside') as unknown,
    });
    await expect(read('tree/config')).rejects.toMatchObject({ code: 'refused-path' });
  });

  it('reads a file of .git that the user has named', async () => {
    writeFileSync(at('tree/.git/config'), 'settings');

    expect(await read('tree/.git/config')).toBe('settings');
  });

  it('takes a file of just the limit', async () => {
    writeFileSync(at('ten'), '0123456789');
    writeFileSync(at('eleven'), '0123456789+');

    expect(await read('ten')).toBe('0123456789');
    await expect(read('eleven')).rejects.toMatchObject({ code: 'refused-path' });
  });

  it.each([
    [1024, '1 KiB'],
    [1536 * 1024, '1536 KiB'],
    [2 * 1024 * 1024, '2 MiB'],
  ])('says that a file has more than %i bytes', async (largest, shown) => {
    writeFileSync(at('large'), Buffer.alloc(largest + 1));

    await expect(readRegularFile(at('large'), { largest })).rejects.toThrow(
      `${at('large')} is larger than ${shown}, the limit for such a file`,
    );
    expect((await readRegularFile(at('large'), { largest: largest + 1 })).length).toBe(largest + 1);
  });

  it('says as the system does that a file is not there', async () => {
    await expect(read('tree/missing')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a folder for results', () => {
  it('may be reached over links above the foreign tree', async () => {
    link('tree', 'work');

    await write('work/results', 'a/b');

    expect(readFileSync(at('tree/results/a/b'), 'utf8')).toBe('written');
  });

  it('is no link where there is no repository, but may lie below one', async () => {
    mkdirSync(at('disk'));
    link('disk', 'mount');
    link('disk', 'elsewhere/results');

    await write('mount/results', 'file');

    expect(readFileSync(at('disk/results/file'), 'utf8')).toBe('written');
    await expect(write('elsewhere/results', 'file')).rejects.toMatchObject({
      code: 'refused-path',
      message: `${at('elsewhere/results')} is a symbolic link to "${at('disk')}": nothing is written through links`,
    });
  });

  it('is made by none but what writes: a check leaves no trace', async () => {
    await new OutputFolder(at('tree/results')).check('artifacts/build');

    await expect(readRegularFile(at('tree/results'), { largest: 1 })).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it.each(['../x', '/x', 'a/../../x', 'a\0b'])('has no file of the name %j', async (name) => {
    await expect(write('tree/results', name)).rejects.toMatchObject({ code: 'refused-path' });
  });

  it.each(['createFile', 'openFile', 'openToRead', 'removeFile'] as const)(
    'has no file that is a link or a pipe, for %s',
    async (open) => {
      link('elsewhere/file', 'tree/link');
      execFileSync('mkfifo', [at('tree/pipe')]);

      for (const name of ['link', 'pipe'])
        await expect(new OutputFolder(at('tree'))[open](name)).rejects.toMatchObject({
          code: 'refused-path',
        });
      expect(readFileSync(at('elsewhere/file'), 'utf8')).toBe('text');
    },
  );

  it('says what the system refused', async () => {
    writeFileSync(at('tree/file'), '');

    await expect(write('tree/file/results', 'a')).rejects.toMatchObject({
      message: expect.stringContaining('tree/file: it is a file') as unknown,
    });
  });
});

describe('the file name of a stage', () => {
  it.each([
    ['build', 'build'],
    ['test (node=22, os=a/b)', 'test_node_22_os_a_b_'],
    ['..', '_..'],
    ['', '_'],
  ])('%j is %s', (stage, name) => {
    expect(fileNameOf(stage)).toBe(name);
  });
});

describe('the folder of compiled code', () => {
  const name = `elsewhere/slipway-compiled-${String(process.getuid?.())}`;

  it('is this user’s alone, and taken again', async () => {
    expect(await compileCacheFolder(at('elsewhere'))).toBe(at(name));
    expect(statSync(at(name)).mode & 0o077).toBe(0);
    expect(await compileCacheFolder(at('elsewhere'))).toBe(at(name));
  });

  it('is none that others may write to, none behind a link, and none of a repository', async () => {
    mkdirSync(at(name));
    chmodSync(at(name), 0o777);
    expect(await compileCacheFolder(at('elsewhere'))).toBeUndefined();

    rmSync(at(name), { recursive: true });
    writeFileSync(at(name), '');
    expect(await compileCacheFolder(at('elsewhere'))).toBeUndefined();

    rmSync(at(name));
    link('tree/module', name);
    expect(await compileCacheFolder(at('elsewhere'))).toBeUndefined();
    expect(await compileCacheFolder(at('tree'))).toBeUndefined();
    expect(await compileCacheFolder(at('not/there'))).toBeUndefined();
  });
});
