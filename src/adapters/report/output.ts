import { once } from 'node:events';
import type { Writable } from 'node:stream';

/**
 * Writes text or bytes and waits while the reader is slow. A reader that has gone (`| head -1`) is told once to `onGone`;
 * after that writing does nothing, so that the run itself goes on to its clean end.
 */
export class Output {
  readonly stream: Writable;
  #gone = false;

  constructor(stream: Writable, onGone?: () => void) {
    this.stream = stream;
    stream.on('error', () => {
      if (!this.#gone) onGone?.();
      this.#gone = true;
    });
  }

  async write(text: string | Buffer): Promise<void> {
    if (this.#gone || this.stream.destroyed) return;
    if (this.stream.write(text)) return;
    try {
      const ended = new AbortController();
      await Promise.race([
        once(this.stream, 'drain', { signal: ended.signal }),
        once(this.stream, 'close', { signal: ended.signal }),
      ]).finally(() => ended.abort());
    } catch {
      this.#gone = true; // the error event came instead of drain; onGone was called by its listener
    }
  }
}
