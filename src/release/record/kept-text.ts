import { gunzipText, gzipText } from '../../base/gzip.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

/** Bytes of a text that is kept as it is, so that people can read it; an object holds 1 MiB. */
const largestPlain = 900_000;
/** Bytes that one object of a longer text holds, compressed. */
const largestPart = 700_000;
/** Bytes of a text that is read; the manifests of a release have 10 MiB, and their objects are little more. */
const largestText = 64 * 1024 * 1024;

/** A ConfigMap or a Secret, in its own way of holding bytes. */
export interface DataObject extends KubernetesObject {
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  binaryData?: Record<string, string>;
}

/** The kinds that texts are kept in. */
export type KeptKind = 'ConfigMap' | 'Secret';

/** What the objects hold that keep a text, the first one first: one with the text itself, or parts of it compressed. */
export async function partsOf(text: string, kind: KeptKind): Promise<Partial<DataObject>[]> {
  if (Buffer.byteLength(text) <= largestPlain) {
    return [kind === 'Secret' ? { stringData: { objects: text } } : { data: { objects: text } }];
  }
  const bytes = await gzipText(text);
  const count = Math.ceil(bytes.length / largestPart);
  return Array.from({ length: count }, (_, index) => {
    const part = bytes.subarray(index * largestPart, (index + 1) * largestPart).toString('base64');
    const parts = String(count);
    return kind === 'Secret'
      ? { data: { part }, stringData: { parts } }
      : { binaryData: { part }, data: { parts } };
  });
}

/** In how many objects the text is kept that this is the first one of. */
export function countOfParts(first: DataObject): number {
  const parts = first.kind === 'Secret' ? decoded(first.data?.['parts']) : first.data?.['parts'];
  return parts === undefined ? 1 : Number(parts);
}

/**
 * The text that the objects keep; undefined when they keep none.
 * @throws Error when a part is damaged
 */
export async function textOf(objects: readonly DataObject[]): Promise<string | undefined> {
  const [first] = objects;
  if (first === undefined) return undefined;
  const plain = first.data?.['objects'];
  if (plain !== undefined) return first.kind === 'Secret' ? decoded(plain) : plain;
  const parts = objects.map(
    ({ kind, data, binaryData }) => (kind === 'Secret' ? data : binaryData)?.['part'],
  );
  if (parts.includes(undefined)) return undefined;
  return gunzipText(Buffer.concat(parts.map((part) => Buffer.from(part ?? '', 'base64'))), largestText);
}

function decoded(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}

/** The name of a part; the first one has that of the text. */
export function partName(name: string, index: number): string {
  return index === 0 ? name : `${name}.${String(index)}`;
}
