import type { Readable } from 'node:stream';

/** What XML 1.0 does not allow at all, and what stands for bytes that are no character. */
// eslint-disable-next-line no-control-regex -- control characters are what must not be there
const notAllowed = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFD-\uFFFF]/g;

/** Bytes in which an encoding shows: a byte order mark, or the declaration. */
const headLength = 200;

/** The text of an XML file, whatever its encoding; what XML does not allow is replaced by U+FFFD, and counted. */
export class XmlText {
  #replaced = 0;

  /** Characters that were replaced so far. */
  get replaced(): number {
    return this.#replaced;
  }

  /** The text in parts. */
  async *read(content: Readable): AsyncGenerator<string> {
    let decoder: InstanceType<typeof TextDecoder> | undefined;
    let head = Buffer.alloc(0);
    for await (const chunk of content as AsyncIterable<Buffer>) {
      if (decoder !== undefined) {
        yield this.#clean(decoder.decode(chunk, { stream: true }));
        continue;
      }
      head = Buffer.concat([head, chunk]);
      if (head.length < headLength) continue;
      decoder = new TextDecoder(encodingOf(head));
      yield this.#clean(decoder.decode(head, { stream: true }));
    }
    const rest = decoder === undefined ? new TextDecoder(encodingOf(head)).decode(head) : decoder.decode();
    yield this.#clean(rest);
  }

  #clean(text: string): string {
    return text.replace(notAllowed, () => {
      this.#replaced += 1;
      return '\uFFFD';
    });
  }
}

/** By the byte order mark, the zeros of UTF-16, or the declaration (https://www.w3.org/TR/xml/#sec-guessing). */
function encodingOf(head: Buffer): string {
  const start = head.subarray(0, 2).toString('hex');
  if (start === 'fffe' || start === '3c00') return 'utf-16le';
  if (start === 'feff' || start === '003c') return 'utf-16be';
  const declared = /^(?:\u00EF\u00BB\u00BF)?<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/.exec(
    head.subarray(0, headLength).toString('latin1'),
  )?.[1];
  // It can be read so far, so it is not UTF-16 whatever it says.
  if (declared === undefined || /^utf-?16/i.test(declared)) return 'utf-8';
  try {
    return new TextDecoder(declared).encoding;
  } catch {
    return 'utf-8';
  }
}
