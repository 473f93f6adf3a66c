import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { LogFile } from '../../../../src/sandbox/kubelet/log-file.ts';
import { readLog } from '../../../../src/sandbox/kubelet/log-reader.ts';
import type { LogSelection } from '../../../../src/sandbox/kubelet/log-reader.ts';

let folder: string;
let log: LogFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
  log = new LogFile(join(folder, '0.log'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const everything: LogSelection = {
  follow: false,
  tailLines: undefined,
  sinceMs: undefined,
  timestamps: false,
  limitBytes: undefined,
  signal: new AbortController().signal,
};
const read = (more: Partial<LogSelection> = {}) => text(readLog(log.path, log, { ...everything, ...more }));

async function write(...chunks: string[]): Promise<void> {
  const stream = new PassThrough();
  log.capture(stream);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await new Promise((resolve) => stream.once('close', resolve));
}

describe('a log', () => {
  it('gives back every byte, whatever the chunks, with and without an end of line', async () => {
    await write('one\ntw', 'o\n\nthr', 'ee');

    expect(await read()).toBe('one\ntwo\n\nthree');
  });

  it('shows the last lines, the first bytes, and times that grow', async () => {
    await write('a\nb\nc\n');

    expect(await read({ tailLines: 2 })).toBe('b\nc\n');
    expect(await read({ tailLines: 0 })).toBe('');
    expect(await read({ limitBytes: 3 })).toBe('a\nb');
    const times = (await read({ timestamps: true }))
      .split('\n')
      .slice(0, 3)
      .map((line) => line.split(' ')[0] ?? '');
    expect(times).toEqual(times.toSorted());
    expect(new Set(times).size).toBe(3);
  });

  it('leaves out what is older than asked for', async () => {
    await write('old\n');

    expect(await read({ sinceMs: Date.now() + 10_000 })).toBe('');
    expect(await read({ sinceMs: Date.now() - 10_000 })).toBe('old\n');
  });

  it('follows over a rotation until it is closed, losing nothing and repeating nothing', async () => {
    const followed = read({ follow: true });
    const line = 'x'.repeat(1000);
    const stream = new PassThrough();
    log.capture(stream);
    for (let index = 0; index < 12_000; index += 1) {
      if (!stream.write(`${index} ${line}\n`)) await new Promise((resolve) => stream.once('drain', resolve));
      if (index % 500 === 0) await nextTurn();
    }
    stream.end();
    await new Promise((resolve) => stream.once('close', resolve));
    log.close();

    const numbers = (await followed)
      .trimEnd()
      .split('\n')
      .map((row) => Number(row.split(' ')[0]));

    expect(numbers).toEqual(Array.from({ length: 12_000 }, (_, index) => index));
  });

  it('cuts a line that is very long into parts and puts it together again', async () => {
    const long = 'y'.repeat(100_000);
    await write(`${long}\nend\n`);

    expect(await read()).toBe(`${long}\nend\n`);
  });
});
