import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Errors of a reader that has gone (`| head -1`, a closed terminal): it has what it wanted. */
const goneReader = new Set(['EPIPE', 'EIO', 'ECONNRESET']);

/**
 * Writes text or bytes and waits while the reader is slow. After an error writing does nothing, so that the run itself
 * continues to its clean end. One that lost output (a full disk, a closed file) is thrown by the next write, once.
 */
export class Output {
  readonly stream: Writable;
  #failed = false;
  #lost: Error | undefined;

  constructor(stream: Writable) {
    this.stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!this.#failed && !goneReader.has(error.code ?? '')) this.#lost = error;
      this.#failed = true;
    });
  }

  /** @throws Error of an earlier write, once */
  async write(text: string | Buffer): Promise<void> {
    this.#throwLost();
    if (this.#failed || this.stream.destroyed) return;
    if (this.stream.write(text)) return;
    try {
      const ended = new AbortController();
      await Promise.race([
        once(this.stream, 'drain', { signal: ended.signal }),
        once(this.stream, 'close', { signal: ended.signal }),
      ]).finally(() => ended.abort());
    } catch {
      this.#failed = true; // the error event came instead of drain; its listener knows it
    }
    this.#throwLost();
  }

  #throwLost(): void {
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost !== undefined) throw lost;
  }
}
