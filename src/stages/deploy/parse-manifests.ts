import { isMap, LineCounter, parseAllDocuments, type Document } from 'yaml';
import * as z from '../../base/zod.ts';
import { InputError } from '../../base/errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

/** A file with manifests; `path` is as people know it. */
export interface ManifestFile {
  path: string;
  text: string;
}

/** One object of a manifest file. */
export interface Manifest {
  object: KubernetesObject;
  /** `k8s/web.yaml:12`, where the document begins. */
  location: string;
}

/** Aliases may blow a small file up; a manifest has few. */
const maxAliasCount = 100;

const objectShape = z.looseObject({
  apiVersion: z.string().check(z.regex(/^([a-z0-9.-]+\/)?v[a-z0-9]+$/, 'must be like v1 or apps/v1')),
  kind: z.string().check(z.regex(/^[A-Z][A-Za-z0-9]*$/, 'must be a kind like Deployment')),
  metadata: z.looseObject({
    name: z.string().check(z.minLength(1)),
    namespace: z.optional(z.string().check(z.minLength(1))),
    labels: z.optional(z.record(z.string(), z.string())),
    annotations: z.optional(z.record(z.string(), z.string())),
  }),
});

/**
 * Reads the objects of all files, in order. Kinds named `*List` with `items` are taken apart; empty documents are left
 * out.
 * @throws InputError that tells every error with file and line
 */
export function parseManifests(files: readonly ManifestFile[]): Manifest[] {
  const manifests: Manifest[] = [];
  const errors: string[] = [];
  for (const file of files) {
    const lines = new LineCounter();
    const documents = parseAllDocuments(file.text, { lineCounter: lines, version: '1.2', uniqueKeys: true });
    if (!Array.isArray(documents)) continue;
    for (const document of documents) {
      const found = objectsOf(document, file.path, lines);
      manifests.push(...found.manifests);
      errors.push(...found.errors);
    }
  }
  errors.push(...duplicates(manifests));
  if (errors.length > 0) {
    throw new InputError(`the manifests are wrong:\n${errors.map((error) => `  ${error}`).join('\n')}`);
  }
  return manifests;
}

function objectsOf(
  document: Document.Parsed,
  path: string,
  lines: LineCounter,
): { manifests: Manifest[]; errors: string[] } {
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${String(line)}:${String(col)}`;
  };
  if (document.errors.length > 0) {
    return {
      manifests: [],
      errors: document.errors.map((error) => `${at(error.pos[0])}: ${firstLine(error.message)}`),
    };
  }
  const start = document.contents?.range[0] ?? 0;
  const location = `${path}:${String(lines.linePos(start).line)}`;
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount });
  } catch (error) {
    return {
      manifests: [],
      errors: [`${location}: ${error instanceof Error ? error.message : String(error)}`],
    };
  }
  if (data === null || data === undefined) return { manifests: [], errors: [] };
  if (!isMap(document.contents)) {
    return {
      manifests: [],
      errors: [`${at(start)}: a Kubernetes object is wanted, with apiVersion, kind, metadata`],
    };
  }
  const items = isList(data) ? data.items : [data];
  const manifests: Manifest[] = [];
  const errors: string[] = [];
  for (const item of items) {
    const parsed = objectShape.safeParse(item);
    if (parsed.success) {
      manifests.push({ object: withoutServerFields(parsed.data as KubernetesObject), location });
      continue;
    }
    for (const { path: field, message } of parsed.error.issues) {
      const node: unknown = document.getIn(field as string[], true);
      const range = (node as { range?: [number, number, number] } | undefined)?.range;
      errors.push(`${range === undefined ? location : at(range[0])}: ${field.join('.')}: ${message}`);
    }
  }
  return { manifests, errors };
}

function isList(data: unknown): data is { kind: string; items: unknown[] } {
  const list = data as { kind?: unknown; items?: unknown };
  return typeof list.kind === 'string' && list.kind.endsWith('List') && Array.isArray(list.items);
}

/** What `kubectl get -o yaml` leaves in: no manifest says these, and apply refuses some. */
function withoutServerFields(object: KubernetesObject): KubernetesObject {
  const serverFields = [
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'managedFields',
    'selfLink',
  ];
  const metadata = { ...object.metadata };
  for (const field of serverFields) Reflect.deleteProperty(metadata, field);
  const { status: _, ...rest } = object;
  return { ...rest, metadata };
}

function duplicates(manifests: readonly Manifest[]): string[] {
  const seen = new Map<string, string>();
  return manifests.flatMap(({ object, location }) => {
    const { name, namespace = '' } = object.metadata;
    const key = `${object.apiVersion} ${object.kind} ${namespace} ${name}`;
    const first = seen.get(key);
    seen.set(key, first ?? location);
    return first === undefined ? [] : [`${location}: ${object.kind} ${name} stands already at ${first}`];
  });
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? text;
}
