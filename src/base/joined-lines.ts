const lineFeed = 10;
const carriageReturn = 13;
const backslash = 92;
/** A line break between two lines of wrapped text may be followed by so many blanks; it keeps what is held back small. */
const longestIndent = 64;

/** 1 for the bytes of both alphabets of base64, and its padding. */
const isBase64 = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[\w+/=-]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/** What may stand before a line feed that is left out. */
const mayEndLine = isBase64.map((is, byte) => (byte === carriageReturn ? 1 : is));

/** Bytes without their line breaks, and where each of them stood. */
export interface JoinedLines {
  bytes: Buffer;
  /** Where the byte at `index` of `bytes` stands in the data; the data's length for the end of `bytes`. */
  positionOf(index: number): number;
}

/**
 * Data with each single line break between characters of base64 left out, together with the indentation behind it,
 * also where it is written `\n`, as in a JSON string: base64 that was wrapped at any width reads as one line. The second
 * of two line breaks is kept. What may be half a line break at the end of the data is left out too.
 */
export function joinLines(data: Buffer): JoinedLines {
  const joined = Buffer.allocUnsafe(data.length);
  /** Where the pieces that were kept begin: in the joined bytes, and in the data. */
  const pieces: { at: number; from: number }[] = [];
  let length = 0;
  let from = 0;
  for (const gap of gaps(data)) {
    pieces.push({ at: length, from });
    length += data.copy(joined, length, from, gap.start);
    from = gap.end;
  }
  if (from === 0) return { bytes: data, positionOf: (index) => index };
  pieces.push({ at: length, from });
  length += data.copy(joined, length, from);
  return { bytes: joined.subarray(0, length), positionOf: (index) => positionIn(pieces, index) };
}

function positionIn(pieces: readonly { at: number; from: number }[], index: number): number {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle]?.at ?? 0) <= index) low = middle;
    else high = middle - 1;
  }
  const piece = pieces[low];
  return piece === undefined ? index : piece.from + index - piece.at;
}

/** The line breaks to leave out, in order. */
function* gaps(data: Buffer): Generator<{ start: number; end: number }> {
  let position = 0;
  for (const at of signs(data)) {
    if (at < position) continue;
    const breakEnd = breakEndAt(data, at);
    if (breakEnd === undefined) continue;
    const isCrLf = data[at] === lineFeed && data[at - 1] === carriageReturn;
    const start = isCrLf ? at - 1 : at;
    const end = indentEnd(data, breakEnd);
    if (isInsideText(data, start, end)) yield { start, end };
    // A line break that follows at once ends the text: it is kept.
    position = breakEndAt(data, data[end] === carriageReturn ? end + 1 : end) ?? end;
  }
  if (data.at(-1) === carriageReturn) yield { start: data.length - 1, end: data.length };
}

/**
 * Where line feeds and backslashes stand that base64 may continue over, in order. Most line feeds of ordinary output are
 * behind something else: these are passed over here, at the cost of one look.
 */
function* signs(data: Buffer): Generator<number> {
  let feed = nextLineFeed(data, 0);
  let escape = data.indexOf(backslash);
  while (feed >= 0 || escape >= 0) {
    if (feed >= 0 && (escape < 0 || feed < escape)) {
      yield feed;
      feed = nextLineFeed(data, feed + 1);
    } else {
      yield escape;
      escape = data.indexOf(backslash, escape + 1);
    }
  }
}

function nextLineFeed(data: Buffer, from: number): number {
  let at = data.indexOf(lineFeed, from);
  while (at > 0 && !mayEndLine[data[at - 1] ?? 0]) at = data.indexOf(lineFeed, at + 1);
  return at;
}

/**
 * Behind the line break at a position: a line feed, or `\n` or `\r\n` in letters, or what may become one of these at the
 * end of the data; undefined when it is something else.
 */
function breakEndAt(data: Buffer, at: number): number | undefined {
  if (data[at] === lineFeed) return at + 1;
  if (data[at] !== backslash) return undefined;
  const text = data.toString('latin1', at, at + 4);
  const whole = /^(?:\\r)?\\n/.exec(text);
  if (whole !== null) return at + whole[0].length;
  return /^\\(?:r\\?)?$/.test(text) ? data.length : undefined; // so short only at the end
}

/** Whether base64 could continue over a line break; elsewhere it may stay, which saves most of the copying. */
function isInsideText(data: Buffer, start: number, end: number): boolean {
  const before = start === 0 || isBase64[data[start - 1] ?? 0] === 1;
  return before && (end === data.length || isBase64[data[end] ?? 0] === 1);
}

function indentEnd(data: Buffer, from: number): number {
  let end = from;
  while (end - from < longestIndent && (data[end] === 32 || data[end] === 9)) end += 1;
  return end;
}
