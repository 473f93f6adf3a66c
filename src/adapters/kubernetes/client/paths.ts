import type { ServedKind } from '../../../ports/cluster.ts';

/** `/api/v1` or `/apis/GROUP/VERSION`. */
export function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** The group of an apiVersion; `''` is the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** Path of a collection, or of one object and a subresource of it. */
export function resourcePath(
  kind: ServedKind,
  target: { namespace?: string | undefined; name?: string | undefined; subresource?: string },
): string {
  const parts = [groupPath(kind.apiVersion)];
  if (kind.namespaced && target.namespace !== undefined) {
    parts.push('namespaces', encodeURIComponent(target.namespace));
  }
  parts.push(kind.resource);
  if (target.name !== undefined) parts.push(encodeURIComponent(target.name));
  if (target.subresource !== undefined) parts.push(target.subresource);
  return parts.join('/');
}

/** `?a=1&b=2` of what is given; empty when nothing is. An array gives the key several times. */
export function queryOf(
  fields: Record<string, string | number | boolean | readonly string[] | undefined>,
): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (typeof value === 'object') for (const item of value) query.append(key, item);
    else query.set(key, String(value));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** A call in words, for errors. */
export function describe(
  verb: string,
  kind: ServedKind,
  target: { namespace?: string; name?: string },
): string {
  const name = target.name === undefined ? '' : ` "${target.name}"`;
  const where =
    kind.namespaced && target.namespace !== undefined ? ` in namespace "${target.namespace}"` : '';
  return `${verb} ${kind.resource}${name}${where}`;
}
