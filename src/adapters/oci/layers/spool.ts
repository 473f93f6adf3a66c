import { open, type FileHandle } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';

/** Bytes of many files one after another in one file of the runner, read back by their place. */
export class Spool {
  readonly #path: string;
  readonly #handle: FileHandle;
  #length = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Makes the file; it must not be there. Deleting it is its folder's business. */
  static async create(path: string): Promise<Spool> {
    return new Spool(path, await open(path, 'wx+', 0o600));
  }

  /** Writes a stream to the end of the spool; one at a time. @returns where it begins and its length */
  async append(stream: AsyncIterable<Buffer>): Promise<{ offset: number; size: number }> {
    const offset = this.#length;
    for await (const chunk of stream) {
      await this.#handle.writev([chunk], this.#length);
      this.#length += chunk.length;
    }
    return { offset, size: this.#length - offset };
  }

  /** Where the next file begins. */
  get length(): number {
    return this.#length;
  }

  /** Drops what lies behind an offset; nothing is appended meanwhile. */
  async cut(length: number): Promise<void> {
    await this.#handle.truncate(length);
    this.#length = length;
  }

  read(offset: number, size: number): Readable {
    return createReadStream(this.#path, { start: offset, end: offset + size - 1 });
  }

  /** The first bytes of a file. */
  async peek(offset: number, size: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.alloc(size), 0, size, offset);
    return buffer.subarray(0, bytesRead);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
