import type { Fields } from '../../base/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import { apiVersionOf, inVersion } from '../kinds/kind.ts';
import type { StoredObject } from '../store/objects.ts';
import { partial, tableOf } from './columns.ts';
import type { ApiRequest } from './request.ts';
import { StatusError } from './status-error.ts';

/** How a client wants objects: whole, as the table that `kubectl get` prints, or their metadata alone. */
interface Form {
  as: 'object' | 'table' | 'metadata';
  /** What each row of a table carries of its object. */
  includeObject: string | null;
}

function representationOf(accept: string): Form['as'] {
  for (const alternative of accept.split(',')) {
    if (/;\s*as=Table/.test(alternative)) return 'table';
    if (/;\s*as=PartialObjectMetadata(List)?/.test(alternative)) return 'metadata';
    if (/^\s*(application\/(json|\*)|\*\/\*)\s*(;|$)/.test(alternative)) return 'object';
  }
  throw new StatusError('NotAcceptable', 'only the following media types are accepted: application/json');
}

/**
 * How the client wants its answer: the first alternative of the Accept header that the sandbox knows counts.
 * @throws StatusError NotAcceptable when it knows none.
 */
export function formOf({ headers, query }: ApiRequest): Form {
  return { as: representationOf(headers.accept ?? '*/*'), includeObject: query.get('includeObject') };
}

/** One object as the client wants it. */
export function present(kind: Kind, object: StoredObject, { as, includeObject }: Form): Fields {
  const { resourceVersion } = object.metadata;
  if (as === 'table') return tableOf(kind, [object], { resourceVersion }, includeObject);
  return as === 'metadata' ? partial(object) : inVersion(kind, object);
}

/** A list as the client wants it. */
export function presentList(
  kind: Kind,
  objects: readonly StoredObject[],
  metadata: Fields,
  { as, includeObject }: Form,
): Fields {
  if (as === 'table') return tableOf(kind, objects, metadata, includeObject);
  const type = { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind) };
  if (as === 'object') return { ...type, metadata, items: objects.map((object) => inList(kind, object)) };
  return { ...partial({ metadata }), kind: 'PartialObjectMetadataList', items: objects.map(partial) };
}

/** In lists of built-in kinds the items carry no kind and apiVersion. */
function inList(kind: Kind, object: StoredObject): Fields {
  const { kind: _kind, apiVersion: _apiVersion, ...fields } = object;
  return kind.isCustom ? { ...fields, kind: kind.kind, apiVersion: apiVersionOf(kind) } : fields;
}
