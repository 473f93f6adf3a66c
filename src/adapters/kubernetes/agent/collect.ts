import { Writable } from 'node:stream';

/** A stream that keeps what is written to it, up to a bound; more than that is dropped and remembered. */
export class Collector extends Writable {
  readonly #limit: number;
  readonly #parts: Buffer[] = [];
  #size = 0;
  #overflowed = false;

  /** @param limit bytes kept */
  constructor(limit: number) {
    super();
    this.#limit = limit;
  }

  get overflowed(): boolean {
    return this.#overflowed;
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString('utf8');
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const room = this.#limit - this.#size;
    if (chunk.length > room) this.#overflowed = true;
    if (room > 0) this.#parts.push(Buffer.from(chunk.subarray(0, room)));
    this.#size += Math.min(chunk.length, Math.max(room, 0));
    done();
  }
}
