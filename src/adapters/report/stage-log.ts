import type { FileHandle } from 'node:fs/promises';
import type { OutputFolder } from '../../base/files/output-folder.ts';

/** A file that is written at a known position. Bytes are with the system when a write has resolved. */
export class StageLog {
  readonly #file: FileHandle;
  /** Where the next byte goes. */
  position: number;

  private constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.position = position;
  }

  /**
   * Opens a file to append to; an empty one when it is not to be kept.
   * @throws RefusedPathError, FileError
   */
  static async open(folder: OutputFolder, name: string, { keep }: { keep: boolean }): Promise<StageLog> {
    if (!keep) return new StageLog(await folder.createFile(name), 0);
    const file = await folder.openFile(name);
    return new StageLog(file, (await file.stat()).size);
  }

  /** Cuts the file there; the next byte follows. */
  async cut(position: number): Promise<void> {
    await this.#file.truncate(position);
    this.position = position;
  }

  async append(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await this.#file.write(chunk, at, chunk.length - at, this.position);
      at += bytesWritten;
      this.position += bytesWritten;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
