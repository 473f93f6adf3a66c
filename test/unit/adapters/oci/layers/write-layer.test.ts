import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { FileNode } from '../../../../../src/adapters/oci/layers/file-tree.ts';
import { Spool } from '../../../../../src/adapters/oci/layers/spool.ts';
import { writeLayer } from '../../../../../src/adapters/oci/layers/write-layer.ts';
import { cases } from '../../../../support/cases.ts';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'write-layer-'));
});
afterAll(() => rm(folder, { recursive: true }));

const write = async (files: readonly (readonly [string, string])[], mtime = 0) => {
  count += 1;
  const spool = await Spool.create(join(folder, `spool-${String(count)}`));
  const entries = new Map<string, FileNode>();
  for (const [path, text] of files) {
    const { offset, size } = await spool.append(chunks(text));
    entries.set(path, { type: 'file', mode: 0o644, uid: 0, gid: 0, size, content: { in: 'spool', offset } });
  }
  const path = join(folder, `layer-${String(count)}`);
  const layer = await writeLayer(entries, { path, spool, mtime }, { signal: AbortSignal.timeout(10_000) });
  await spool.close();
  return { layer, bytes: await readFile(path) };
};

async function* chunks(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('a layer', () => {
  const name = fc.stringMatching(/^[a-zä_-]{1,120}$/);
  const files = fc.uniqueArray(fc.tuple(name, fc.string({ maxLength: 2000 })), {
    selector: ([path]) => path,
    maxLength: 8,
  });

  it('has the same bytes for the same files in any order, and its digests are those of the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.infiniteStream(fc.nat()), async (content, numbers) => {
        const shuffled = content
          .map((one) => ({ one, at: Number(numbers.next().value) }))
          .sort((a, b) => a.at - b.at);

        const first = await write(content);
        const second = await write(shuffled.map(({ one }) => one));

        expect(second.bytes.equals(first.bytes)).toBe(true);
        expect(first.layer.digest).toBe(sha256(first.bytes));
        expect(first.layer.size).toBe(first.bytes.length);
        expect(first.layer.diffId).toBe(sha256(gunzipSync(first.bytes)));
      }),
      { numRuns: cases(25) },
    );
  });

  it('says nothing of the machine or the time in its gzip header', async () => {
    const { bytes } = await write([['a', 'x']]);

    // Magic, deflate, no flags, no time, extra flags, unknown system: RFC 1952.
    expect(bytes.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
  });

  it('is another one for another byte, name or time', async () => {
    const digests = [
      await write([['a', 'x']]),
      await write([['a', 'y']]),
      await write([['b', 'x']]),
      await write([['a', 'x']], 1),
    ];

    expect(new Set(digests.map(({ layer }) => layer.diffId)).size).toBe(4);
  });
});
