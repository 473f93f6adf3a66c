import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pack } from 'tar-stream';
import { createFolderStore } from '../../../../src/adapters/store/folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slipway-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

function archive(
  ...entries: [{ name: string; type?: 'directory' | 'symlink'; linkname?: string }, string?][]
): PassThrough {
  const tar = pack();
  for (const [header, content] of entries) tar.entry(header, content ?? '');
  tar.finalize();
  const stream = new PassThrough();
  tar.on('data', (chunk) => stream.write(chunk as Buffer)).on('end', () => stream.end());
  return stream;
}

const { signal } = new AbortController();

describe('the artifact folder', () => {
  it('unpacks files below the stage’s folder and opens them again', async () => {
    const store = createFolderStore(folder);
    const tar = archive([{ name: 'out', type: 'directory' }], [{ name: './out/app.js' }, 'hello']);

    const saved = await store.save('artifacts', 'build', tar, { signal });

    expect(saved).toEqual({
      directory: path.join(folder, 'artifacts', 'build'),
      files: [{ path: 'out/app.js', bytes: 5 }],
      bytes: 5,
    });
    expect(await readFile(path.join(folder, 'artifacts/build/out/app.js'), 'utf8')).toBe('hello');
    expect((await store.open(saved, 'out/app.js').toArray()).join('')).toBe('hello');
  });

  it.each([['../escape'], ['/etc/escape'], ['a/../../escape']])('refuses the path %s', async (name) => {
    const saving = createFolderStore(folder).save('artifacts', 'build', archive([{ name }, 'x']), { signal });

    await expect(saving).rejects.toThrow('leaves its folder');
  });

  it('refuses links', async () => {
    const tar = archive([{ name: 'link', type: 'symlink', linkname: '/etc/passwd' }]);

    await expect(createFolderStore(folder).save('artifacts', 'build', tar, { signal })).rejects.toThrow(
      'only plain files',
    );
  });
});
