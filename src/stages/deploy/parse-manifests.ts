import { isMap } from 'yaml';
import { InputError } from '../../base/errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { withoutNullFields } from './null-fields.ts';
import { readShape } from './manifest-shape.ts';
import { readDocuments, type PlaceOf, type SourceText } from './yaml/documents.ts';
import { plainData, YamlFault, type PlainData } from './yaml/plain-data.ts';

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

/** Where something stands in a manifest file. */
export interface ManifestPlace {
  /** As people know it. */
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

/** One that knows where its fields stand. */
export interface LocatedManifest extends Manifest {
  /** Where what is at the path begins, or its nearest parent that is there. */
  placeOf(path: readonly (string | number)[]): ManifestPlace;
  /** The same without the column: `k8s/web.yaml:14`. */
  lineOf(path: readonly (string | number)[]): string;
}

/** Instead of what the parser says, which quotes the text: it may be a file that must not be shown. */
const notAnObject = 'expected a Kubernetes object with apiVersion, kind and metadata';

/** What the files hold, and what is wrong with them. */
interface Found {
  manifests: LocatedManifest[];
  errors: string[];
  warnings: string[];
}

/**
 * Reads the objects of all files, in order, as kubectl reads them. Kinds named `*List` with `items` are taken apart;
 * empty documents are left out.
 * @param warn called with what a person should know
 * @throws InputError that lists every error with file and line
 */
export function parseManifests(
  files: readonly ManifestFile[],
  warn: (message: string) => void = () => undefined,
): LocatedManifest[] {
  const manifests: LocatedManifest[] = [];
  const errors: string[] = [];
  for (const file of files) {
    const { documents, placeOf } = readDocuments(file.text);
    for (const source of documents) {
      const found = objectsOf(source, file.path, placeOf);
      manifests.push(...found.manifests);
      errors.push(...found.errors);
      for (const warning of found.warnings) warn(warning);
    }
  }
  errors.push(...duplicates(manifests));
  if (errors.length > 0) {
    throw new InputError(`invalid manifests:\n${errors.map((error) => `  ${error}`).join('\n')}`);
  }
  return manifests;
}

function objectsOf({ document, base }: SourceText, path: string, placeOf: PlaceOf): Found {
  const at = (offset: number) => {
    const { line, column } = placeOf(base + offset);
    return `${path}:${String(line)}:${String(column)}`;
  };
  const isObject = isMap(document.contents);
  const wrong = (offset: number, message: string): Found => ({
    manifests: [],
    errors: [`${at(offset)}: ${isObject ? message : notAnObject}`],
    warnings: [],
  });
  // Those after the first one are mostly its consequences.
  const [fault] = document.errors;
  if (fault !== undefined) {
    const isTooDeep = fault.code === 'RESOURCE_EXHAUSTION';
    return wrong(fault.pos[0], isTooDeep ? 'nested too deeply' : firstLine(fault.message));
  }
  try {
    const data = plainData(document);
    if (data.value === null) return { manifests: [], errors: [], warnings: [] };
    if (!isObject) return wrong(data.offsetOf([]), notAnObject);
    return manifestsOf(data, { path, at, placeOf: (offset) => placeOf(base + offset) });
  } catch (error) {
    if (error instanceof YamlFault) return wrong(error.offset, error.message);
    throw error;
  }
}

function manifestsOf(
  data: PlainData,
  { path, at, placeOf }: { path: string; at: (offset: number) => string; placeOf: PlaceOf },
): Found {
  const place = (field: readonly (string | number)[]) => ({ file: path, ...placeOf(data.offsetOf(field)) });
  const lineOf = (field: readonly (string | number)[]) => `${path}:${String(place(field).line)}`;
  const found: Found = {
    manifests: [],
    errors: [],
    warnings: data.duplicates.map(
      ({ key, offset }) => `${at(offset)}: "${key}" stands twice in the same object; the last one counts`,
    ),
  };
  for (const { item, path: parent } of itemsOf(data.value)) {
    const read = readShape(withoutNullFields(item));
    if ('object' in read)
      found.manifests.push({
        object: withoutServerFields(read.object),
        location: lineOf([]),
        placeOf: (field) => place([...parent, ...field]),
        lineOf: (field) => lineOf([...parent, ...field]),
      });
    else
      found.errors.push(
        ...read.issues.map(({ path: field, message }) => {
          const place = at(data.offsetOf([...parent, ...field]));
          return `${place}: ${field.map(String).join('.')}: ${message}`;
        }),
      );
  }
  return found;
}

/** The objects of a document: the items of a list, or the document itself. */
function itemsOf(data: unknown): { item: unknown; path: readonly (string | number)[] }[] {
  const list = data as { apiVersion?: unknown; kind?: unknown; items?: unknown };
  const { apiVersion, kind, items } = list;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !('items' in list))
    return [{ item: data, path: [] }];
  if (items === null) return [];
  if (!Array.isArray(items)) return [{ item: data, path: [] }];
  const itemKind = kind.slice(0, -'List'.length);
  return items.map((item: unknown, index) => {
    // The items of a ConfigMapList need not say what they are.
    const isBare = itemKind !== '' && typeof item === 'object' && item !== null && !('kind' in item);
    return { item: isBare ? { apiVersion, kind: itemKind, ...item } : item, path: ['items', index] };
  });
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
    return first === undefined ? [] : [`${location}: ${object.kind} ${name} is already defined at ${first}`];
  });
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? text;
}
