/**
 * Cuts a stream of bytes into lines for display. A line longer than `longest` bytes is cut there, with a note of how
 * many bytes were left out, so that a 20 MB line costs no 20 MB of memory; bytes that are no UTF-8 become U+FFFD.
 */
export class LineSplitter {
  readonly #longest: number;
  #pieces: Buffer[] = [];
  #length = 0;
  #leftOut = 0;

  /** @param longest bytes of a line that are kept; default 8 KiB */
  constructor(longest = 8192) {
    this.#longest = longest;
  }

  /** The lines that `chunk` completes, without their line ends. */
  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#take(chunk.subarray(start, end));
      yield this.#line();
      start = end + 1;
    }
    this.#take(chunk.subarray(start));
  }

  /** The last line when it had no line end. */
  *end(): Generator<string> {
    if (this.#length > 0) yield this.#line();
  }

  #take(bytes: Buffer): void {
    const room = this.#longest - this.#length;
    const kept = bytes.subarray(0, room);
    if (kept.length > 0) this.#pieces.push(Buffer.from(kept));
    this.#length += kept.length;
    this.#leftOut += bytes.length - kept.length;
  }

  #line(): string {
    const text = Buffer.concat(this.#pieces).toString('utf8').replace(/\r$/, '');
    const note = this.#leftOut > 0 ? ` … (${String(this.#leftOut)} more bytes)` : '';
    this.#pieces = [];
    this.#length = 0;
    this.#leftOut = 0;
    return text + note;
  }
}
