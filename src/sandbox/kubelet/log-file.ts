import { EventEmitter } from 'node:events';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';

/** As the kubelet's defaults have it: a file of at most 10 MiB, and the one before. */
const rotateAtBytes = 10 * 2 ** 20;
const longestLineBytes = 16 * 2 ** 10;

/**
 * The log of one instance of a container: lines of `TIME FLAG TEXT`, as the container runtime interface has them; the
 * flag is `F` for a whole line and `P` for a part of one that is longer than 16 KiB or has no end.
 */
export class LogFile {
  readonly path: string;
  /** Grows with every change. */
  version = 0;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #partial = new Map<Readable, Buffer>();
  #size = 0;
  #handle: number | undefined;
  #lastTime = '';
  #nanos = 0;

  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true });
    rmSync(`${path}.1`, { force: true });
    this.#handle = openSync(path, 'w', 0o600);
  }

  /** Takes a process's output into the log until its end; lines of several streams do not mix. */
  capture(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => this.#append(stream, chunk));
    stream.once('close', () => this.#flush(stream));
  }

  #append(stream: Readable, chunk: Buffer): void {
    const before = this.#partial.get(stream);
    let rest = before === undefined ? chunk : Buffer.concat([before, chunk]);
    const lines: Buffer[] = [];
    for (;;) {
      const end = rest.indexOf(10);
      if (end === -1 && rest.length < longestLineBytes) break;
      const isWhole = end !== -1 && end <= longestLineBytes;
      const length = isWhole ? end : longestLineBytes;
      lines.push(this.#line(rest.subarray(0, length), isWhole));
      rest = rest.subarray(isWhole ? length + 1 : length);
    }
    this.#partial.set(stream, rest);
    this.#write(lines);
  }

  #flush(stream: Readable): void {
    const rest = this.#partial.get(stream);
    this.#partial.delete(stream);
    if (rest !== undefined && rest.length > 0) this.#write([this.#line(rest, false)]);
  }

  /** A time a line: the clock's milliseconds, with a running number below them, so that no two lines have the same. */
  #line(text: Buffer, isWhole: boolean): Buffer {
    const time = new Date().toISOString().slice(0, -1);
    this.#nanos = time === this.#lastTime ? Math.min(this.#nanos + 1, 999_999) : 0;
    this.#lastTime = time;
    const stamp = `${time}${String(this.#nanos).padStart(6, '0')}Z ${isWhole ? 'F' : 'P'} `;
    return Buffer.concat([Buffer.from(stamp), text, Buffer.from('\n')]);
  }

  #write(lines: readonly Buffer[]): void {
    if (lines.length === 0 || this.#handle === undefined) return;
    const data = Buffer.concat(lines);
    if (this.#size > 0 && this.#size + data.length > rotateAtBytes) this.#rotate();
    writeSync(this.#handle, data);
    this.#size += data.length;
    this.version += 1;
    this.#changes.emit('change');
  }

  #rotate(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    renameSync(this.path, `${this.path}.1`);
    this.#handle = openSync(this.path, 'w', 0o600);
    this.#size = 0;
  }

  /** Nothing more will be written; followers end. */
  close(): void {
    if (this.#handle === undefined) return;
    for (const stream of this.#partial.keys()) this.#flush(stream);
    closeSync(this.#handle);
    this.#handle = undefined;
    this.version += 1;
    this.#changes.emit('change');
  }

  get isOpen(): boolean {
    return this.#handle !== undefined;
  }

  /** Resolves when the log has changed since it had `version`, or when `signal` ends. */
  changedSince(version: number, signal: AbortSignal): Promise<void> {
    if (version !== this.version || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#changes.off('change', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#changes.once('change', done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
