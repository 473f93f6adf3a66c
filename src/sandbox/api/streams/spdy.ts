import { Duplex } from 'node:stream';
import { constants, createInflate, deflateSync } from 'node:zlib';

/** A stream of a SPDY connection, opened by the client with these headers (names in lower case). */
export interface SpdyStream {
  headers: ReadonlyMap<string, string>;
  channel: Duplex;
}

// SPDY/3.1, as far as Kubernetes clients speak it: they open streams and send data both ways. Flow control, push,
// priorities and settings are not used by them. https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
const version = 3;
const frameTypes = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7 };
const finFlag = 1;
const maxFrameBytes = 64 * 1024;

/** The words that the header compression starts with, each with its length before it, and the text that follows. */
const dictionaryWords = `options head post put delete trace accept accept-charset accept-encoding accept-language
  accept-ranges age allow authorization cache-control connection content-base content-encoding content-language
  content-length content-location content-md5 content-range content-type date etag expect expires from host if-match
  if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma
  proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade
  user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie
  keep-alive origin`;
const dictionaryTail =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized' +
  '403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr ' +
  'May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,' +
  'image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,' +
  'deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

function lengthPrefixed(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
}

const dictionary = Buffer.concat([
  ...dictionaryWords.split(/\s+/).map((word) => lengthPrefixed(word.replace('_', ' '))),
  Buffer.from(dictionaryTail),
]);

/** Reads header blocks, which are parts of one compressed stream. */
function createHeaderReader(): (block: Buffer) => Promise<Map<string, string>> {
  const inflate = createInflate({ dictionary, finishFlush: constants.Z_SYNC_FLUSH });
  let out: Buffer[] = [];
  inflate.on('data', (chunk: Buffer) => out.push(chunk));
  return async (block) => {
    out = [];
    await new Promise<void>((resolve, reject) => {
      inflate.write(block, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    return parseHeaders(Buffer.concat(out));
  };
}

function parseHeaders(block: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  let offset = 4;
  const next = (): string => {
    const end = offset + 4 + block.readUInt32BE(offset);
    const text = block.toString('utf8', offset + 4, end);
    offset = end;
    return text;
  };
  for (let left = block.readUInt32BE(0); left > 0; left--) headers.set(next().toLowerCase(), next());
  return headers;
}

/** A header block without headers; the first one of a connection starts the compressed stream. */
function emptyHeaders(isFirst: boolean): Buffer {
  // An uncompressed block of deflate that holds the four bytes of the number 0, and an empty one that flushes it.
  const block = Buffer.from([0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
  return isFirst
    ? Buffer.concat([deflateSync(Buffer.alloc(0), { dictionary }).subarray(0, 6), block])
    : block;
}

/** A frame: its first word, flags, and what it carries. */
function frame(word: number, flags: number, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(word);
  head.writeUInt32BE(content.length, 4);
  head.writeUInt8(flags, 4);
  return Buffer.concat([head, content]);
}

const controlFrame = (type: number, content: Buffer): Buffer =>
  frame((((0x8000 | version) << 16) >>> 0) + type, 0, content);

interface Frame {
  head: Buffer;
  content: Buffer;
}

/** Cuts what arrives into frames. */
async function* readFrames(connection: Duplex): AsyncGenerator<Frame> {
  let waiting: Buffer = Buffer.alloc(0);
  for await (const chunk of connection as AsyncIterable<Buffer>) {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
    while (waiting.length >= 8) {
      const end = 8 + (waiting.readUInt32BE(4) & 0xffffff);
      if (waiting.length < end) break;
      yield { head: waiting.subarray(0, 8), content: waiting.subarray(8, end) };
      waiting = waiting.subarray(end);
    }
  }
}

class SpdyChannel extends Duplex {
  readonly #id: number;
  readonly #connection: Duplex;
  #readWanted: (() => void) | undefined;

  constructor(id: number, connection: Duplex) {
    super({ allowHalfOpen: true });
    this.#id = id;
    this.#connection = connection;
  }

  /** Takes data from the client; resolves when there is room for more. */
  async receive(data: Buffer): Promise<void> {
    if (this.destroyed || this.push(data)) return;
    await new Promise<void>((resolve) => {
      this.#readWanted = resolve;
      this.once('close', resolve);
    });
  }

  override _read(): void {
    this.#readWanted?.();
  }

  override _write(data: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    for (let start = 0; start < data.length; start += maxFrameBytes) {
      this.#connection.write(frame(this.#id, 0, data.subarray(start, start + maxFrameBytes)));
    }
    if (this.#connection.writableNeedDrain) this.#connection.once('drain', () => done());
    else done();
  }

  override _final(done: () => void): void {
    this.#connection.write(frame(this.#id, finFlag, Buffer.alloc(0)), () => done());
  }
}

/**
 * Serves a SPDY connection until it ends; `onStream` gets each stream that the client opens.
 * Rejects when the client breaks the protocol; the connection is closed in any case.
 */
export async function serveSpdy(connection: Duplex, onStream: (stream: SpdyStream) => void): Promise<void> {
  const channels = new Map<number, SpdyChannel>();
  const readHeaders = createHeaderReader();
  let isFirst = true;

  async function open({ head, content }: Frame): Promise<void> {
    const id = content.readUInt32BE(0) & 0x7fffffff;
    const headers = await readHeaders(content.subarray(10));
    const channel = new SpdyChannel(id, connection);
    const reply = Buffer.alloc(4);
    reply.writeUInt32BE(id);
    connection.write(controlFrame(frameTypes.synReply, Buffer.concat([reply, emptyHeaders(isFirst)])));
    isFirst = false;
    channels.set(id, channel);
    onStream({ headers, channel });
    if ((head.readUInt8(4) & finFlag) !== 0) channel.push(null);
  }

  async function take(frame: Frame): Promise<void> {
    const { head, content } = frame;
    if ((head.readUInt8(0) & 0x80) === 0) {
      const channel = channels.get(head.readUInt32BE(0));
      if (content.length > 0) await channel?.receive(content);
      if ((head.readUInt8(4) & finFlag) !== 0) channel?.push(null);
      return;
    }
    const type = head.readUInt16BE(2);
    if (type === frameTypes.synStream) await open(frame);
    else if (type === frameTypes.ping) connection.write(controlFrame(frameTypes.ping, content));
    else if (type === frameTypes.rstStream) channels.get(content.readUInt32BE(0) & 0x7fffffff)?.destroy();
    else if (type === frameTypes.goAway) connection.end();
  }

  try {
    for await (const frame of readFrames(connection)) await take(frame);
  } finally {
    for (const channel of channels.values()) channel.destroy();
    connection.destroy();
  }
}
