import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { filterTar } from '../../src/adapters/build-context/filter-tar.ts';
import { readContextFiles } from '../../src/adapters/oci/layers/context-files.ts';
import { Spool } from '../../src/adapters/oci/layers/spool.ts';
import { createFolderStore } from '../../src/adapters/store/folder.ts';
import { SlipwayError } from '../../src/base/errors.ts';
import type { SavedFiles } from '../../src/ports/artifact-store.ts';
import { unpackLayer } from '../../src/sandbox/registry/unpack.ts';
import { rawTar, type RawEntry } from '../support/raw-tar.ts';
import { treeSnapshot } from '../support/tree-snapshot.ts';

/** Milliseconds that one small archive may take on a busy machine; what is longer hangs. */
const hangsAfterMs = 10_000;
const seed = 20_261_129;

let base: string;
let outside: string;
let count = 0;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'slipway-archives-'));
  outside = join(base, 'outside');
  mkdirSync(join(outside, '.ssh'), { recursive: true, mode: 0o750 });
  writeFileSync(join(outside, '.ssh/authorized_keys'), 'key\n');
});
afterEach(() => {
  makeRemovable(base);
  rmSync(base, { recursive: true, force: true });
});

/** Layers may take away the rights of folders. */
function makeRemovable(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    chmodSync(join(folder, entry.name), 0o700);
    makeRemovable(join(folder, entry.name));
  }
}

const signal = AbortSignal.timeout(600_000);

function fresh(): string {
  count += 1;
  const folder = join(base, `case-${String(count)}`);
  mkdirSync(folder);
  return folder;
}

/** The bytes in pieces of any size, as a connection brings them. */
function pieces(bytes: Buffer, length: number): Readable {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += length) all.push(bytes.subarray(at, at + length));
  return Readable.from(all, { objectMode: false });
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('it hangs')), hangsAfterMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

const save = (folder: string, bytes: Buffer, length = 700): Promise<SavedFiles> =>
  inTime(createFolderStore(folder).save('artifacts', 'build', pieces(bytes, length), { signal }));

/** Archives as no well-meaning program writes them. */
function hostileArchive(): fc.Arbitrary<{ bytes: Buffer; length: number }> {
  const plain = ['a', 'b', 'c', 'd/e', 'd/f/g', './a', 'a/b', 'd', 'd/', 'é', '\u202egpj', 'a b', '.wh.a'];
  const hostile = [
    ...['..', '.', '', '/', '../x', '../../outside/x', 'd/../../x', '/etc/slipway-x', 'a\\..\\..\\x', 'a//b'],
    ...['a\0b', '\x1b[2J', '-rf', '.wh...', '.wh..', '.wh.', 'd/.wh..wh..opq', 'n'.repeat(300)],
    ...[`${'p/'.repeat(3000)}x`, 'out/x', 'up/x', 'd/out/x', 'loop/x', '__proto__', 'con', 'a.'],
  ];
  const name = fc.oneof(
    fc.constantFrom(...plain),
    fc.constantFrom(...hostile),
    fc.string({ maxLength: 120 }),
  );
  const target = fc.oneof(
    name,
    fc.constantFrom('OUTSIDE', '../../outside', '../outside/.ssh', 'loop', 'loop/loop', '.', '/', '..'),
  );
  const size = fc.constantFrom<RawEntry['size']>(
    undefined,
    undefined,
    undefined,
    0,
    1,
    700,
    9e9,
    'negative',
    'no-number',
  );
  const entry = fc.record<RawEntry>(
    {
      name: fc.oneof(name, fc.constantFrom('out', 'up', 'loop')),
      type: fc.constantFrom(
        '0',
        '0',
        '0',
        '1',
        '1',
        '2',
        '2',
        '3',
        '4',
        '5',
        '5',
        '6',
        '7',
        'x',
        'g',
        'L',
        'K',
        'S',
        '9',
      ),
      linkname: target,
      content: fc.constantFrom(
        '',
        'x',
        'y'.repeat(511),
        'z'.repeat(1500),
        '1000000 path=../x\n',
        '13 path=../x\n',
      ),
      size,
      mode: fc.constantFrom(0o644, 0, 0o777, 0o4755),
      pax: fc.boolean(),
      damaged: fc.integer({ min: 0, max: 20 }).map((n) => n === 0),
    },
    { requiredKeys: ['name', 'type'] },
  );
  return fc
    .record({
      entries: fc.array(entry, { minLength: 1, maxLength: 8 }),
      cut: fc.option(fc.integer({ min: 0, max: 6000 }), { freq: 4 }),
      length: fc.integer({ min: 1, max: 5000 }),
    })
    .map(({ entries, cut, length }) => {
      const all = entries.map((one) => (one.linkname === 'OUTSIDE' ? { ...one, linkname: outside } : one));
      const bytes = rawTar(all);
      return { bytes: cut === null ? bytes : bytes.subarray(0, cut), length };
    });
}

function expectOurs(error: unknown): void {
  if (!(error instanceof SlipwayError)) throw error;
  expect(error.message).not.toBe('');
  // No control character of the archive reaches a terminal.
  expect(error.message).toMatch(/^[^\p{Cc}]*$/u);
  expect(['input', 'failure']).toContain(error.fault);
}

describe('unpacking the archive of an agent', () => {
  it('writes nothing outside, makes no links, never hangs, and says why it refuses', async () => {
    const before = treeSnapshot(outside);
    const seen = { saved: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(hostileArchive(), async ({ bytes, length }) => {
        const folder = fresh();
        try {
          const saved = await save(folder, bytes, length);
          seen.saved += 1;
          for (const file of saved.files)
            expect(readFileSync(join(saved.directory, file.path)).length).toBe(file.bytes);
        } catch (error) {
          seen.refused += 1;
          expectOurs(error);
        }
        expect(treeSnapshot(outside)).toEqual(before);
        expect(treeSnapshot(folder).filter((line) => / -> | other$/.test(line))).toEqual([]);
        expect(readdirSync(folder)).toEqual(['artifacts']);
        expect(readdirSync(join(folder, 'artifacts'))).toEqual(['build']);
        rmSync(folder, { recursive: true });
      }),
      { numRuns: 300, seed, endOnFailure: true },
    );
    expect(readdirSync(base)).toEqual(['outside']);
    // The generator makes both.
    expect(seen.saved).toBeGreaterThan(5);
    expect(seen.refused).toBeGreaterThan(100);
  }, 120_000);

  it('takes hard links for the files that they are, of their own each', async () => {
    const folder = fresh();

    const saved = await save(
      folder,
      rawTar([
        { name: './out/a', type: '0', content: 'same' },
        { name: 'out/b', type: '1', linkname: 'out/a' },
        { name: 'c', type: '1', linkname: './out/b' },
        { name: 'c', type: '1', linkname: 'c' },
      ]),
    );

    expect(saved.files).toEqual(['out/a', 'out/b', 'c'].map((path) => ({ path, bytes: 4 })));
    writeFileSync(join(saved.directory, 'c'), 'other');
    expect(readFileSync(join(saved.directory, 'out/a'), 'utf8')).toBe('same');
    expect(readFileSync(join(saved.directory, 'out/b'), 'utf8')).toBe('same');
  });

  it.each(['../../../outside/.ssh/authorized_keys', '/etc/passwd', 'later', 'there'])(
    'refuses a hard link to %s, which the archive did not bring before',
    async (linkname) => {
      const folder = fresh();
      mkdirSync(join(folder, 'artifacts/build'), { recursive: true });
      writeFileSync(join(folder, 'artifacts/build/there'), 'of an earlier run');

      const saving = save(
        folder,
        rawTar([
          { name: 'a', type: '1', linkname },
          { name: 'later', type: '0', content: 'x' },
        ]),
      );

      await expect(saving).rejects.toMatchObject({
        code: 'input',
        message: expect.stringMatching(/hard link|leaves its folder/),
      });
    },
  );

  it.each<[string, Buffer]>([
    ['a header', rawTar([{ name: 'a', type: '0', content: 'x' }]).subarray(0, 300)],
    ['a file', rawTar([{ name: 'a', type: '0', content: 'x'.repeat(2000) }]).subarray(0, 1000)],
    ['what a size promised', rawTar([{ name: 'a', type: '0', content: 'x', size: 1e9 }])],
  ])('says that the archive ends in the middle of %s', async (_what, bytes) => {
    await expect(save(fresh(), bytes)).rejects.toMatchObject({
      code: 'input',
      message: expect.stringMatching(/archive cannot be read/),
    });
  });

  it('says that a name is too long for this machine', async () => {
    const bytes = rawTar([{ name: 'n'.repeat(300), type: '0', pax: true }]);

    await expect(save(fresh(), bytes)).rejects.toMatchObject({ code: 'refused-path', fault: 'input' });
  });

  it('puts a new file in the place of a hard link that lies there, whose other name keeps its bytes', async () => {
    const folder = fresh();
    const bytes = rawTar([{ name: 'a', type: '0', content: 'new' }]);
    await save(folder, rawTar([{ name: 'a', type: '0', content: 'old' }]));
    const { linkSync } = await import('node:fs');
    linkSync(join(folder, 'artifacts/build/a'), join(outside, 'kept'));

    await save(folder, bytes);

    expect(readFileSync(join(outside, 'kept'), 'utf8')).toBe('old');
  });
});

describe('reading the archive of a build context', () => {
  it('never hangs, and says why it refuses', async () => {
    await fc.assert(
      fc.asyncProperty(hostileArchive(), async ({ bytes, length }) => {
        const folder = fresh();
        const spool = await Spool.create(join(folder, 'spool'));
        try {
          const tar = filterTar(pieces(bytes, length), { keep: () => true });
          await inTime(readContextFiles(tar, spool, () => true));
        } catch (error) {
          expectOurs(error);
        } finally {
          await spool.close();
        }
        expect(readdirSync(folder)).toEqual(['spool']);
        rmSync(folder, { recursive: true });
      }),
      { numRuns: 200, seed, endOnFailure: true },
    );
  }, 120_000);
});

describe('unpacking a layer in the sandbox', () => {
  const unpack = async (folder: string, entries: RawEntry[] | Buffer): Promise<void> => {
    const file = join(folder, 'layer');
    writeFileSync(file, Buffer.isBuffer(entries) ? entries : rawTar(entries));
    mkdirSync(join(folder, 'root'), { recursive: true });
    await inTime(unpackLayer(file, join(folder, 'root')));
  };

  it('changes nothing outside and never hangs', async () => {
    const before = treeSnapshot(outside);
    await fc.assert(
      fc.asyncProperty(hostileArchive(), async ({ bytes }) => {
        const folder = fresh();
        await unpack(folder, bytes).catch((error: unknown) => {
          if (error instanceof Error && error.message === 'it hangs') throw error;
        });
        expect(treeSnapshot(outside)).toEqual(before);
        expect(readdirSync(folder).sort()).toEqual(['layer', 'root']);
        makeRemovable(folder);
        rmSync(folder, { recursive: true });
      }),
      { numRuns: 200, seed, endOnFailure: true },
    );
    expect(readdirSync(base)).toEqual(['outside']);
  }, 120_000);

  it.each(['.wh...', 'a/.wh...', '.wh.', '.wh..'])('removes nothing for the whiteout %s', async (name) => {
    const folder = fresh();
    await unpack(folder, [{ name: 'a/kept', type: '0' }]);

    await expect(unpack(folder, [{ name, type: '0' }])).rejects.toThrow('of no file');

    expect(readdirSync(join(folder, 'root/a'))).toEqual(['kept']);
  });

  it('changes no mode through a link that came in the place of a folder', async () => {
    const before = treeSnapshot(outside);

    await unpack(fresh(), [
      { name: 'a', type: '5', mode: 0o777 },
      { name: 'b/.ssh', type: '5', mode: 0o777 },
      { name: 'a', type: '2', linkname: outside },
      { name: 'b', type: '2', linkname: outside },
    ]);

    expect(treeSnapshot(outside)).toEqual(before);
  });

  it('gives up on links that multiply', async () => {
    const links = Array.from({ length: 39 }, (_, index): RawEntry => {
      const before = `l${String(index)}`;
      return { name: `l${String(index + 1)}`, type: '2', linkname: `${before}/../${before}` };
    });

    const unpacking = unpack(fresh(), [{ name: 'l0', type: '5' }, ...links, { name: 'l39/x', type: '0' }]);

    await expect(unpacking).rejects.toThrow('too many symbolic links');
  });
});
