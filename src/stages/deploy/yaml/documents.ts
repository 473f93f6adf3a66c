import { LineCounter, parseAllDocuments, parseDocument, type Document } from 'yaml';

/** One document of a file, its scalars still text. */
export interface SourceText {
  document: Document.Parsed;
  /** Where in the file its text begins. */
  base: number;
}

/** Line and column, from 1, of an offset in a file. */
export type PlaceOf = (offset: number) => { line: number; column: number };

/** Scalars stay text, keys may stand twice: what they mean is not YAML's to say but kubectl's. */
const options = {
  schema: 'failsafe',
  version: '1.1',
  resolveKnownTags: false,
  uniqueKeys: false,
  prettyErrors: false,
} as const;

/**
 * Takes a file apart as kubectl does: JSON objects one after another, or else the documents of YAML. JSON is YAML too,
 * but for more than one object.
 */
export function readDocuments(text: string): { documents: SourceText[]; placeOf: PlaceOf } {
  const lines = new LineCounter();
  for (let at = 0; at !== 0 || lines.lineStarts.length === 0; at = text.indexOf('\n', at) + 1)
    lines.addNewLine(at);
  const placeOf: PlaceOf = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const objects = jsonObjects(text);
  if (objects.length > 1) {
    const documents = objects.map(({ start, end }) => ({
      document: parseDocument(text.slice(start, end), options),
      base: start,
    }));
    return { documents, placeOf };
  }
  return {
    documents: [...parseAllDocuments(text, options)].map((document) => ({ document, base: 0 })),
    placeOf,
  };
}

/** Where the JSON objects of a text stand; none when it holds anything else. */
function jsonObjects(text: string): { start: number; end: number }[] {
  const objects: { start: number; end: number }[] = [];
  const blank = /[\s\uFEFF]*/y;
  for (let at = 0; ;) {
    blank.lastIndex = at;
    blank.exec(text);
    const start = blank.lastIndex;
    if (start === text.length) return objects;
    const end = text[start] === '{' ? endOfObject(text, start) : undefined;
    if (end === undefined || !isJson(text.slice(start, end))) return [];
    objects.push({ start, end });
    at = end;
  }
}

/** Where the object that begins here ends, if it is JSON; undefined when it does not end. */
function endOfObject(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '{') depth += 1;
    else if (character === '}') depth -= 1;
    if (depth === 0) return at + 1;
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
