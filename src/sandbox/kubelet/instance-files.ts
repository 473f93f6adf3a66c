import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { LogFile } from './log-file.ts';
import type { Container } from './pod-types.ts';

const messageBytes = 4096;
const logMessageBytes = 2048;

/** Path of the log of a container's instance, counted by restarts, in the container's folder. */
export function logPath(folder: string, restart: number): string {
  return join(folder, `${restart}.log`);
}

/** Opens the log of a new instance; of the earlier ones the last is kept. */
export function openLog(folder: string, restart: number): LogFile {
  const old = logPath(folder, restart - 2);
  for (const path of [old, `${old}.1`]) rmSync(path, { force: true });
  return new LogFile(logPath(folder, restart));
}

/** Makes the empty file that the container finds at its terminationMessagePath; an earlier instance's is moved away. */
export function prepareMessageFile(folder: string): string {
  const path = join(folder, 'termination-log');
  mkdirSync(folder, { recursive: true });
  // Not emptied: what the earlier instance left behind may still have it open.
  if (existsSync(path)) renameSync(path, `${path}.before`);
  writeFileSync(path, '', { mode: 0o666 });
  return path;
}

/** What an ended container has to say: its message file, or with FallbackToLogsOnError the end of its log. */
export function terminationMessage(
  { terminationMessagePolicy }: Container,
  { messageFile, log, exitCode }: { messageFile: string; log: string; exitCode: number },
): string {
  const written = textOf(messageFile, 0);
  if (written !== '' || terminationMessagePolicy !== 'FallbackToLogsOnError' || exitCode === 0)
    return written;
  const end = textOf(log, -messageBytes);
  return end.replaceAll(/^\S+ [FP] /gm, '').slice(-logMessageBytes);
}

/** At most 4 KiB of a file, from an offset that counts from its end when it is negative. */
function textOf(path: string, offset: number): string {
  const handle = openSync(path, 'r');
  try {
    const start = offset < 0 ? Math.max(0, fstatSync(handle).size + offset) : offset;
    const buffer = Buffer.alloc(messageBytes);
    return buffer.toString('utf8', 0, readSync(handle, buffer, 0, messageBytes, start));
  } finally {
    closeSync(handle);
  }
}
