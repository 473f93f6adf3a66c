import { defined } from '../base/defined.ts';
import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Pair,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { Diagnostic } from './diagnostic.ts';
import type { Finding } from './finding.ts';

/** Bytes; the file is kept in the run's record, which Kubernetes bounds at 1 MiB. */
const maxBytes = 256 * 1024;
const maxAliases = 100;

/** A YAML text that keeps its positions. */
export interface SourceDocument {
  /** Plain data; undefined when the text is not sound YAML. */
  value: unknown;
  /** What YAML itself found wrong. */
  diagnostics: Diagnostic[];
  /** Puts a finding at its line and column: of the value, of its key, or of the nearest parent that is there. */
  readonly locate: (finding: Finding) => Diagnostic;
  /** The text of a scalar as it was written (`1.10`), or undefined. */
  written(path: readonly (string | number)[]): string | undefined;
}

/**
 * Reads one YAML 1.2 document with merge keys (`<<`). Duplicate keys, keys that are not strings, several documents, and more aliases than a
 * person writes are errors.
 */
export function readSourceDocument(file: string, text: string, what = 'a pipeline file'): SourceDocument {
  const notAnObject = `${what} must be an object`;
  const lines = new LineCounter();
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problem = (code: string, offset: number, message: string, hint?: string): Diagnostic => ({
    code,
    severity: 'error',
    file,
    path: [],
    ...position(offset),
    message,
    ...defined({ hint }),
  });
  if (Buffer.byteLength(text) > maxBytes) {
    const message = `the file is larger than ${String(maxBytes / 1024)} KiB`;
    return broken([problem('too-large', 0, message, 'move scripts into files of the repository')]);
  }
  const options = { version: '1.2', stringKeys: true, merge: true, prettyErrors: false } as const;
  const documents = parseAllDocuments(text, { ...options, lineCounter: lines });
  const [document, second] = [...documents];
  if (document === undefined || document.contents === null)
    return broken([problem('empty', 0, 'the file is empty')]);
  const isObject = isMap(document.contents);
  const diagnostics = worthTelling([...document.errors, ...document.warnings]).map((error) =>
    problem('yaml', error.pos[0], isObject ? sentence(error) : `YAML: ${notAnObject}`),
  );
  if (second !== undefined) {
    const message = `${what} must be a single YAML document`;
    diagnostics.push(problem('documents', second.range[0], message));
  }
  const value =
    diagnostics.length === 0
      ? valueOf(document, (message) => {
          const hint = `at most ${String(maxAliases)} aliases are followed`;
          diagnostics.push(problem('yaml', 0, `YAML: ${isObject ? message : notAnObject}`, hint));
        })
      : undefined;
  return {
    value,
    diagnostics,
    written: (path) => writtenText(document, path),
    locate: ({ code, severity = 'error', path, message, hint, at = 'value', offset = 0 }) => ({
      code,
      severity,
      file,
      path,
      ...position(
        find(document, path, at) +
          (offset === 0 ? 0 : offsetInSource(scalarAt(document, path), text, offset)),
      ),
      message,
      ...defined({ hint }),
    }),
  };
}

/** The document as plain data; undefined, with the reason reported, when its aliases are too many. */
function valueOf(document: Document, report: (message: string) => void): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    report(error instanceof Error ? error.message : 'unreadable');
    return undefined;
  }
}

function broken(diagnostics: Diagnostic[]): SourceDocument {
  return {
    value: undefined,
    diagnostics,
    written: () => undefined,
    locate: ({ code, message }) => ({
      code,
      severity: 'error',
      file: '',
      path: [],
      line: 1,
      column: 1,
      message,
    }),
  };
}

/** Keys that are there twice, and the first fault of syntax: those after it are mostly its consequences. */
function worthTelling(errors: readonly YAMLError[]): YAMLError[] {
  const duplicates = errors.filter(({ code }) => code === 'DUPLICATE_KEY');
  const [first] = errors.filter(({ code }) => code !== 'DUPLICATE_KEY');
  return first === undefined ? duplicates : [first];
}

/** Messages of the parser quote the text; one whose top is no object may be a file that must not be shown. */
function sentence({ code, message }: YAMLError): string {
  return code === 'DUPLICATE_KEY' ? 'duplicate key' : `YAML: ${message}`;
}

/** The offset of the first character of what stands at the path, or of its nearest parent. */
function find(document: Document, path: readonly (string | number)[], at: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, part] of path.entries()) {
    node = resolve(document, node);
    let next: unknown;
    if (isMap(node)) {
      const pair = pairAt(document, node, part);
      if (pair === undefined) break;
      const wantsKey = at === 'key' && index === path.length - 1;
      offset = (wantsKey ? undefined : startOf(pair.value)) ?? startOf(pair.key) ?? offset;
      next = pair.value;
    } else if (isSeq(node)) {
      next = node.items[Number(part)];
      offset = startOf(next) ?? offset;
    } else break;
    node = next;
  }
  return offset;
}

/** The pair of a key, which a merge key may have brought. */
function pairAt(document: Document, map: YAMLMap, part: string | number): Pair | undefined {
  const isKey = (pair: Pair, key: string | number) => isScalar(pair.key) && pair.key.value === key;
  const own = map.items.find((pair) => isKey(pair, part));
  if (own !== undefined) return own;
  const merged = map.items.filter((pair) => isScalar(pair.key) && pair.key.source === '<<');
  return merged
    .map(({ value }) => resolve(document, value))
    .flatMap((source) => (isSeq(source) ? source.items.map((item) => resolve(document, item)) : [source]))
    .map((source) => (isMap(source) && source !== map ? pairAt(document, source, part) : undefined))
    .find((pair) => pair !== undefined);
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function resolve(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

/** How far into the source a character of a scalar stands; 0 where quotes or folded lines have moved it. */
function offsetInSource(scalar: Scalar | undefined, text: string, offset: number): number {
  if (scalar?.type === 'BLOCK_LITERAL' && typeof scalar.value === 'string') {
    return offsetInBlock(text.slice(scalar.range?.[0]), scalar.value, offset);
  }
  if (scalar === undefined || scalar.source !== scalar.value) return 0;
  if (scalar.type === 'PLAIN') return offset;
  return scalar.type === 'QUOTE_DOUBLE' || scalar.type === 'QUOTE_SINGLE' ? offset + 1 : 0;
}

/** A block begins in the line after its `|`, each of its lines indented. */
function offsetInBlock(source: string, value: string, offset: number): number {
  const before = value.slice(0, offset).split('\n');
  const column = before.at(-1)?.length ?? 0;
  const line = value.split('\n')[before.length - 1] ?? '';
  const lines = source.split('\n');
  const start = lines.slice(0, before.length).join('\n').length + 1;
  const indent = (lines[before.length] ?? '').indexOf(line);
  return indent === -1 ? 0 : start + indent + column;
}

function writtenText(document: Document, path: readonly (string | number)[]): string | undefined {
  return scalarAt(document, path)?.source;
}

function scalarAt(document: Document, path: readonly (string | number)[]): Scalar | undefined {
  let node: unknown = document.contents;
  for (const part of path) {
    node = resolve(document, node);
    if (!isMap(node) && !isSeq(node)) return undefined;
    node = node.get(part, true);
  }
  node = resolve(document, node);
  return isScalar(node) ? node : undefined;
}
