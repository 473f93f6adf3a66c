import { defined } from '../../../../src/base/defined.ts';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { unpackLayer } from '../../../../src/sandbox/registry/unpack.ts';

let folder: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unpack-'));
  root = join(folder, 'root');
  mkdirSync(root);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Entry = {
  name: string;
  text?: string;
  to?: string;
  type?: 'file' | 'directory' | 'symlink' | 'link';
  mode?: number;
};
let count = 0;

async function layer(entries: Entry[], compress: (data: Buffer) => Buffer = (data) => data): Promise<string> {
  const tar = pack();
  for (const { name, text = '', to, type = 'file', mode = 0o644 } of entries)
    tar.entry({ name, type, mode, ...defined({ linkname: to }) }, type === 'file' ? text : '');
  tar.finalize();
  count += 1;
  const path = join(folder, `layer-${count}`);
  writeFileSync(path, compress(await buffer(tar)));
  return path;
}

describe('unpacking the layers of an image', () => {
  it('lays later layers over earlier ones, plain, gzip or zstd', async () => {
    const layers = [
      await layer([
        { name: 'etc/', type: 'directory' },
        { name: 'etc/a', text: '1' },
        { name: 'etc/b', text: '1' },
      ]),
      await layer([{ name: 'etc/b', text: '2', mode: 0o755 }], (data) => gzipSync(data)),
      await layer([{ name: './etc/c', text: '3' }], (data) => zstdCompressSync(data)),
    ];

    for (const layer of layers) await unpackLayer(layer, root);

    expect(['a', 'b', 'c'].map((name) => readFileSync(join(root, 'etc', name), 'utf8'))).toEqual([
      '1',
      '2',
      '3',
    ]);
    expect(statSync(join(root, 'etc/b')).mode & 0o777).toBe(0o755);
  });

  it('takes away what whiteouts name, and with an opaque one all that lower layers brought', async () => {
    const layers = [
      await layer([
        { name: 'a/x', text: '' },
        { name: 'a/y', text: '' },
        { name: 'b/old', text: '' },
      ]),
      await layer([{ name: 'a/.wh.x' }, { name: 'b/new', text: '' }, { name: 'b/.wh..wh..opq' }]),
    ];

    for (const layer of layers) await unpackLayer(layer, root);

    expect(readdirSync(join(root, 'a'))).toEqual(['y']);
    expect(readdirSync(join(root, 'b'))).toEqual(['new']);
  });

  it('writes nothing outside of the root, neither by names nor through links', async () => {
    const outside = join(folder, 'outside');
    mkdirSync(outside);
    const layers = [
      await layer([
        { name: '../../outside/by-name', text: 'x' },
        { name: 'out', type: 'symlink', to: outside },
      ]),
      await layer([
        { name: 'out/through-link', text: 'x' },
        { name: 'up', type: 'symlink', to: '../../outside' },
      ]),
      await layer([{ name: 'up/through-relative', text: 'x' }]),
    ];

    for (const layer of layers) await unpackLayer(layer, root);

    expect(readdirSync(outside)).toEqual([]);
    expect(existsSync(join(root, 'outside/by-name'))).toBe(true);
  });

  it('follows links as if the root were /', async () => {
    const layers = [
      await layer([
        { name: 'usr/bin/', type: 'directory' },
        { name: 'bin', type: 'symlink', to: '/usr/bin' },
      ]),
      await layer([
        { name: 'bin/tool', text: 't', mode: 0o755 },
        { name: 'bin/same', type: 'link', to: 'bin/tool' },
      ]),
    ];

    for (const layer of layers) await unpackLayer(layer, root);

    expect(lstatSync(join(root, 'bin')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(root, 'usr/bin/tool'), 'utf8')).toBe('t');
    expect(readFileSync(join(root, 'usr/bin/same'), 'utf8')).toBe('t');
  });

  it('rejects a layer that is damaged', async () => {
    const path = await layer([{ name: 'a', text: 'x'.repeat(5000) }], (data) =>
      gzipSync(data).subarray(0, 60),
    );

    await expect(unpackLayer(path, root)).rejects.toThrow('unexpected end of file');
  });
});
