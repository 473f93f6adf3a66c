import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pack } from 'tar-stream';
import { createFolderStore } from '../../src/adapters/store/folder.ts';
import { InputError } from '../../src/base/errors.ts';
import type { ArtifactStore } from '../../src/ports/artifact-store.ts';

/** A store of its own, and what it holds: paths, with what is left of transfers that failed. */
interface World {
  store: ArtifactStore;
  content(): Promise<string[]>;
  end(): Promise<void>;
}

async function folderWorld(): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-store-'));
  return {
    store: createFolderStore(path.join(folder, 'results')),
    content: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => !entry.isDirectory() || entry.name.endsWith('.part'));
      return files.map(({ parentPath, name }) => path.relative(folder, path.join(parentPath, name))).sort();
    },
    end: () => rm(folder, { recursive: true }),
  };
}

type Entry = [
  { name: string; type?: 'directory' | 'symlink' | 'link' | 'fifo' | 'character-device'; linkname?: string },
  string?,
];

function archive(...entries: Entry[]): PassThrough {
  const tar = pack();
  for (const [header, content] of entries) tar.entry(header, content ?? '');
  tar.finalize();
  const stream = new PassThrough();
  tar.on('data', (chunk) => stream.write(chunk as Buffer)).on('end', () => stream.end());
  return stream;
}

const options = { signal: new AbortController().signal };

describe.each([['of folders', folderWorld]])('an artifact store %s', (_which, make) => {
  let world: World;
  beforeEach(async () => {
    world = await make();
  });
  afterEach(() => world.end());

  const save = (tar: Readable, kind: 'artifacts' | 'reports' = 'artifacts', stage = 'build') =>
    world.store.save(kind, stage, tar, options);

  it('tells what it saved, and opens it again', async () => {
    const tar = archive(
      [{ name: 'out', type: 'directory' }],
      [{ name: './out/app.js' }, 'hello'],
      [{ name: 'b' }, ''],
    );

    const saved = await save(tar);

    expect(saved.bytes).toBe(5);
    expect([...saved.files].sort((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: 'b', bytes: 0 },
      { path: 'out/app.js', bytes: 5 },
    ]);
    await expect(text(world.store.open(saved, 'out/app.js'))).resolves.toBe('hello');
    await expect(text(world.store.open(saved, 'b'))).resolves.toBe('');
  });

  it('keeps kinds and stages apart, and the newer of two files of one name', async () => {
    const first = await save(archive([{ name: 'a' }, 'artifact']));
    const second = await save(archive([{ name: 'a' }, 'report']), 'reports');
    const third = await save(archive([{ name: 'a' }, 'other stage']), 'artifacts', 'test / é');
    await save(archive([{ name: 'a' }, 'newer']));

    await expect(text(world.store.open(first, 'a'))).resolves.toBe('newer');
    await expect(text(world.store.open(second, 'a'))).resolves.toBe('report');
    await expect(text(world.store.open(third, 'a'))).resolves.toBe('other stage');
  });

  it('keeps hard links among the files as files', async () => {
    const saved = await save(archive([{ name: 'a' }, 'same'], [{ name: 'b', type: 'link', linkname: 'a' }]));

    await expect(text(world.store.open(saved, 'b'))).resolves.toBe('same');
  });

  it.each<[string, Entry]>([
    ['a path upwards', [{ name: '../escape' }, 'x']],
    ['a path from the root', [{ name: '/etc/escape' }, 'x']],
    ['a path that turns back', [{ name: 'a/../../escape' }, 'x']],
    ['a symbolic link', [{ name: 'link', type: 'symlink', linkname: '/etc/passwd' }]],
    ['a hard link to elsewhere', [{ name: 'link', type: 'link', linkname: '../../secret' }]],
    ['a device', [{ name: 'null', type: 'character-device' }]],
    ['a pipe', [{ name: 'pipe', type: 'fifo' }]],
  ])('refuses an archive with %s, and keeps nothing of it', async (_what, entry) => {
    await expect(save(archive([{ name: 'fine' }, 'x'], entry))).rejects.toThrow(InputError);

    await expect(world.content()).resolves.toEqual([]);
  });

  it('refuses what is no archive', async () => {
    await expect(save(Readable.from([Buffer.from('x'.repeat(2000))]))).rejects.toThrow(InputError);

    await expect(world.content()).resolves.toEqual([]);
  });

  it('keeps nothing of an archive that breaks off, and what was saved before', async () => {
    const earlier = await save(archive([{ name: 'a' }, 'earlier']));
    const before = await world.content();
    const whole = await buffer(archive([{ name: 'a' }, 'later'], [{ name: 'b' }, 'x'.repeat(100_000)]));
    const broken = Readable.from(
      (function* () {
        yield whole.subarray(0, 50_000);
        throw new Error('the connection ended');
      })(),
    );

    await expect(save(broken)).rejects.toThrow('the connection ended');

    await expect(world.content()).resolves.toEqual(before);
    await expect(text(world.store.open(earlier, 'a'))).resolves.toBe('earlier');
  });

  it('keeps nothing of an archive whose saving is aborted', async () => {
    const aborting = new AbortController();
    const tar = new PassThrough();
    const whole = await buffer(archive([{ name: 'a' }, 'x'.repeat(100_000)]));
    tar.write(whole.subarray(0, 20_000));

    const saving = world.store.save('artifacts', 'build', tar, { signal: aborting.signal });
    aborting.abort(new Error('cancelled'));

    await expect(saving).rejects.toThrow('cancelled');
    await expect(world.content()).resolves.toEqual([]);
  });

  it.each(['missing', '../../secret', '/etc/passwd'])(
    'opens nothing that was not saved: %s',
    async (name) => {
      const saved = await save(archive([{ name: 'a' }, 'x']));
      const opening = async () => text(world.store.open(saved, name));

      await expect(opening()).rejects.toThrow(InputError);
    },
  );
});
