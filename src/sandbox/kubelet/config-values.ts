import type { Objects, StoredObject } from '../store/objects.ts';

interface ConfigMap extends StoredObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

/** Which ConfigMap or Secret. */
export interface ConfigReference {
  kind: 'ConfigMap' | 'Secret';
  namespace: string;
  name: string;
}

/** The values of a ConfigMap or Secret; undefined when it is not there. */
export function bytesOf(
  objects: Objects,
  { kind, namespace, name }: ConfigReference,
): Map<string, Buffer> | undefined {
  const object = objects.get<ConfigMap>({ kind, namespace, name });
  if (object === undefined) return undefined;
  const encoding = kind === 'Secret' ? 'base64' : 'utf8';
  const data = Object.entries(object.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, encoding)] as const,
  );
  const binary = Object.entries(object.binaryData ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, 'base64')] as const,
  );
  return new Map([...data, ...binary]);
}

/** {@link bytesOf} as strings. */
export function stringsOf(objects: Objects, reference: ConfigReference): Record<string, string> | undefined {
  const found = bytesOf(objects, reference);
  return found && Object.fromEntries([...found].map(([key, value]) => [key, value.toString()]));
}
