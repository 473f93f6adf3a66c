/** Something that JavaScript's patterns have and RE2's have not. */
export interface UnsupportedPart {
  what: string;
  /** Characters into the pattern. */
  offset: number;
}

/** A piece of a pattern: what it is, and how many characters it takes. */
type Piece =
  | { type: 'open' | 'close' | 'atom'; length: number }
  | { type: 'repetition'; length: number; times: number }
  | { type: 'unsupported'; length: number; what: string };

const lookArounds: Readonly<Record<string, string>> = {
  '(?=': 'a look-ahead',
  '(?!': 'a look-ahead',
  '(?<=': 'a look-behind',
  '(?<!': 'a look-behind',
};

/** The first look-around or back-reference of a pattern. */
export function unsupportedPart(source: string): UnsupportedPart | undefined {
  for (const { piece, offset } of piecesOf(source)) {
    if (piece.type === 'unsupported') return { what: piece.what, offset };
  }
  return undefined;
}

/** How long a pattern is with its counted repetitions written out: `(ab){3}` is `ababab`. */
export function patternSize(source: string): number {
  const open: number[] = [];
  let size = 0;
  let last = 0;
  for (const { piece } of piecesOf(source)) {
    switch (piece.type) {
      case 'open':
      case 'unsupported':
        open.push(size);
        size += 1;
        break;
      case 'close':
        size += 1;
        last = size - (open.pop() ?? 0);
        break;
      case 'atom':
        size += 1;
        last = 1;
        break;
      case 'repetition':
        size += last * (Math.max(piece.times, 1) - 1);
        last *= Math.max(piece.times, 1);
        break;
    }
  }
  return Math.max(size, 1);
}

function* piecesOf(source: string): Generator<{ piece: Piece; offset: number }> {
  for (let offset = 0; offset < source.length;) {
    const piece = pieceAt(source, offset);
    yield { piece, offset };
    offset += piece.length;
  }
}

function pieceAt(source: string, offset: number): Piece {
  switch (source[offset]) {
    case '(': {
      const start = Object.keys(lookArounds).find((text) => source.startsWith(text, offset));
      if (start === undefined) return { type: 'open', length: 1 };
      return { type: 'unsupported', length: start.length, what: `${lookArounds[start] ?? ''} ${start}…)` };
    }
    case ')':
      return { type: 'close', length: 1 };
    case '[':
      return { type: 'atom', length: classLength(source, offset) };
    case '\\':
      return escape(source, offset);
    case '{':
      return repetition(source, offset);
    default:
      return { type: 'atom', length: 1 };
  }
}

function repetition(source: string, offset: number): Piece {
  const found = /^\{(\d*)(?:,(\d*))?\}/.exec(source.slice(offset, offset + 30));
  if (found === null) return { type: 'atom', length: 1 };
  const [whole, least = '', most = ''] = found;
  return { type: 'repetition', length: whole.length, times: Math.max(Number(least), Number(most)) };
}

/** An escape, `\p{Name}` and the quotation `\Q…\E` among them. */
function escape(source: string, offset: number): Piece {
  const next = source[offset + 1] ?? '';
  if (/[1-9]/.test(next)) return { type: 'unsupported', length: 2, what: `the back-reference \\${next}` };
  if (source.startsWith('\\k<', offset)) {
    return { type: 'unsupported', length: 3, what: 'the back-reference \\k<…>' };
  }
  if (next === 'Q') {
    const end = source.indexOf('\\E', offset + 2);
    return { type: 'atom', length: (end === -1 ? source.length : end + 2) - offset };
  }
  const braced = /^\\[pPx]\{[^}]*\}/.exec(source.slice(offset, offset + 100));
  return { type: 'atom', length: braced?.[0].length ?? 2 };
}

/** Characters of a class: `]` may stand first in it, and `[:name:]` anywhere. */
function classLength(source: string, offset: number): number {
  let at = offset + 1;
  if (source[at] === '^') at += 1;
  if (source[at] === ']') at += 1;
  while (at < source.length && source[at] !== ']') {
    const named = source.startsWith('[:', at) ? source.indexOf(':]', at + 2) : -1;
    if (named !== -1) at = named + 2;
    else at += source[at] === '\\' ? 2 : 1;
  }
  return Math.min(at + 1, source.length) - offset;
}
