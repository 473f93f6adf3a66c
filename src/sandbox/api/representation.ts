import type { Kind } from '../kinds/kind.ts';
import { apiVersionOf, inVersion } from '../kinds/kind.ts';
import type { StoredObject } from '../store/objects.ts';
import { StatusError } from './status-error.ts';
import { tableOf } from './columns.ts';

/** How a client wants objects: whole, as the table that `kubectl get` prints, or their metadata alone. */
export type Representation = 'object' | 'table' | 'metadata';

/**
 * Reads the Accept header; the first alternative that the sandbox knows counts.
 * @throws StatusError NotAcceptable when it knows none.
 */
export function representationOf(accept: string | undefined): Representation {
  for (const alternative of (accept ?? '*/*').split(',')) {
    if (/;\s*as=Table/.test(alternative)) return 'table';
    if (/;\s*as=PartialObjectMetadata(List)?/.test(alternative)) return 'metadata';
    if (/^\s*(application\/(json|\*)|\*\/\*)\s*(;|$)/.test(alternative)) return 'object';
  }
  throw new StatusError('NotAcceptable', 'only the following media types are accepted: application/json');
}

function metadataOf(object: StoredObject): Record<string, unknown> {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** One object as the client wants it. */
export function present(
  kind: Kind,
  object: StoredObject,
  as: { representation: Representation; includeObject?: string | null },
): Record<string, unknown> {
  switch (as.representation) {
    case 'object':
      return inVersion(kind, object);
    case 'metadata':
      return metadataOf(object);
    case 'table':
      return tableOf(kind, [object], { resourceVersion: object.metadata.resourceVersion }, as.includeObject);
  }
}

/** A list as the client wants it. */
export function presentList(
  kind: Kind,
  objects: readonly StoredObject[],
  metadata: Record<string, unknown>,
  as: { representation: Representation; includeObject?: string | null },
): Record<string, unknown> {
  switch (as.representation) {
    case 'object':
      return {
        kind: `${kind.kind}List`,
        apiVersion: apiVersionOf(kind),
        metadata,
        items: objects.map((object) => inList(kind, object)),
      };
    case 'metadata':
      return {
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        items: objects.map(metadataOf),
      };
    case 'table':
      return tableOf(kind, objects, metadata, as.includeObject);
  }
}

/** In lists of built-in kinds the items carry no kind and apiVersion. */
function inList(kind: Kind, object: StoredObject): Record<string, unknown> {
  const { kind: _kind, apiVersion: _apiVersion, ...fields } = inVersion(kind, object);
  return kind.model === undefined ? { ...fields, kind: kind.kind, apiVersion: apiVersionOf(kind) } : fields;
}
