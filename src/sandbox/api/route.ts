import type { Catalog } from '../kinds/catalog.ts';
import type { Kind } from '../kinds/kind.ts';
import { badRequest } from './status-error.ts';

/** What a URL of the API names: a collection (no name), an object, or a subresource of it. */
export interface ResourcePath {
  kind: Kind;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
}

/** The parts of a resource URL before its kind is looked up. */
interface Parts {
  group: string;
  version: string;
  namespace: string | undefined;
  plural: string;
  name: string | undefined;
  subresource: string | undefined;
}

/** @throws StatusError BadRequest for a `%` that begins no character. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(`the path of the request cannot be decoded: ${segment}`);
  }
}

function split(pathname: string): Parts | undefined {
  const segments = pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map(decode);
  const [root, ...rest] = segments;
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'api' ? '' : rest.shift();
  const version = rest.shift();
  if (group === undefined || version === undefined || rest[0] === undefined) return undefined;
  // namespaces/NAME/PLURAL… is a path into a namespace; namespaces/NAME and its own subresources are not.
  const ownPart = rest[2] === 'status' || rest[2] === 'finalize';
  const inside = rest[0] === 'namespaces' && rest.length > 2 && !(rest.length === 3 && ownPart);
  const namespace = inside ? rest[1] : undefined;
  const [plural, name, ...subresource] = inside ? rest.slice(2) : rest;
  if (plural === undefined) return undefined;
  return { group, version, namespace, plural, name, subresource: subresource.join('/') || undefined };
}

/** Reads `/api/v1/namespaces/NS/PLURAL/NAME/SUB` and its shorter forms; undefined for what is no resource. */
export function parseResourcePath(catalog: Catalog, pathname: string): ResourcePath | undefined {
  const parts = split(pathname);
  if (parts === undefined) return undefined;
  const kind = catalog.byResource(parts.group, parts.version, parts.plural);
  if (kind === undefined) return undefined;
  // An object of a namespaced kind has a namespace, one of a cluster's kind has none.
  if (!kind.namespaced && parts.namespace !== undefined) return undefined;
  if (kind.namespaced && parts.namespace === undefined && parts.name !== undefined) return undefined;
  return { kind, namespace: parts.namespace, name: parts.name, subresource: parts.subresource };
}
