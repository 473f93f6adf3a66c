import { existsSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { LogFile } from './log-file.ts';

const blockBytes = 64 * 1024;

/** Which part of a log is wanted. */
export interface LogSelection {
  follow: boolean;
  tailLines: number | undefined;
  /** Lines written before this time, in milliseconds since the epoch, are left out. */
  sinceMs: number | undefined;
  timestamps: boolean;
  limitBytes: number | undefined;
  signal: AbortSignal;
}

/** A log at `path`, as {@link LogFile} wrote it; `live` is given while the container may still write. Read as fast as it is taken. */
export function readLog(path: string, live: LogFile | undefined, selection: LogSelection): Readable {
  return Readable.from(select(path, live, selection), { objectMode: false });
}

async function* select(
  path: string,
  live: LogFile | undefined,
  selection: LogSelection,
): AsyncGenerator<Buffer> {
  const since = selection.sinceMs === undefined ? '' : new Date(selection.sinceMs).toISOString().slice(0, -1);
  let left = selection.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const block of follow(path, live, selection)) {
    const text = shown(block, since, selection.timestamps).subarray(0, left);
    left -= text.length;
    if (text.length > 0) yield text;
    if (left === 0) return;
  }
}

/** Whole lines of the log file and the one before it, then what comes, over rotations, until the log is closed. */
async function* follow(
  path: string,
  live: LogFile | undefined,
  selection: LogSelection,
): AsyncGenerator<Buffer> {
  const start = await startOf(path, selection.tailLines);
  if (start.inOlder !== undefined) yield* readFrom(`${path}.1`, start.inOlder);
  let handle = await openIfThere(path);
  let offset = start.inCurrent;
  try {
    while (handle !== undefined && !selection.signal.aborted) {
      const version = live?.version ?? 0;
      const wasOpen = live?.isOpen === true;
      const rotated = (await inodeOf(path)) !== (await handle.stat()).ino;
      for await (const block of linesOf(handle, offset)) {
        offset += block.length;
        yield block;
      }
      if (rotated) {
        await handle.close();
        handle = await openIfThere(path);
        offset = 0;
      } else if (!selection.follow || !wasOpen) return;
      else await live.changedSince(version, selection.signal);
    }
  } finally {
    await handle?.close();
  }
}

async function* readFrom(path: string, offset: number): AsyncGenerator<Buffer> {
  const handle = await openIfThere(path);
  if (handle === undefined) return;
  try {
    yield* linesOf(handle, offset);
  } finally {
    await handle.close();
  }
}

/** Blocks that end at the end of a line; a line is always shorter than a block. */
async function* linesOf(handle: FileHandle, from: number): AsyncGenerator<Buffer> {
  let offset = from;
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(blockBytes), 0, blockBytes, offset);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10);
    if (end === -1) return;
    yield buffer.subarray(0, end + 1);
    offset += end + 1;
  }
}

/** Where the last `tailLines` lines begin; without `tailLines` the beginning. */
async function startOf(
  path: string,
  tailLines: number | undefined,
): Promise<{ inOlder?: number; inCurrent: number }> {
  const older = existsSync(`${path}.1`) ? `${path}.1` : undefined;
  if (tailLines === undefined) return older === undefined ? { inCurrent: 0 } : { inOlder: 0, inCurrent: 0 };
  const current = await tailOf(path, tailLines);
  if (current.missing === 0 || older === undefined) return { inCurrent: current.offset };
  return { inOlder: (await tailOf(older, current.missing)).offset, inCurrent: 0 };
}

/** The offset at which the last `count` lines begin, and how many are missing for that many. */
async function tailOf(path: string, count: number): Promise<{ offset: number; missing: number }> {
  const handle = await openIfThere(path);
  if (handle === undefined) return { offset: 0, missing: count };
  try {
    let missing = count;
    let end = (await handle.stat()).size;
    if (count === 0) return { offset: end, missing: 0 };
    while (end > 0) {
      const start = Math.max(0, end - blockBytes);
      const { buffer } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
      for (let at = buffer.length - 1; at >= 0; at -= 1) {
        if (buffer[at] !== 10) continue;
        if (missing === 0) return { offset: start + at + 1, missing: 0 };
        missing -= 1;
      }
      end = start;
    }
    return { offset: 0, missing };
  } finally {
    await handle.close();
  }
}

/** What of a block of lines is shown: the text of each line, with its time if wanted, from a time on. */
function shown(block: Buffer, since: string, timestamps: boolean): Buffer {
  const parts: Buffer[] = [];
  for (let start = 0; start < block.length;) {
    const end = block.indexOf(10, start);
    const time = block.indexOf(32, start);
    const isWhole = block[time + 1] === 0x46;
    if (since === '' || block.toString('latin1', start, time) >= since) {
      if (timestamps) parts.push(block.subarray(start, time + 1));
      parts.push(block.subarray(time + 3, isWhole ? end + 1 : end));
    }
    start = end + 1;
  }
  return Buffer.concat(parts);
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  return existsSync(path) ? (await stat(path)).ino : undefined;
}
