import type { Kind } from '../../kinds/kind.ts';
import { apiVersionOf } from '../../kinds/kind.ts';
import { pathOf } from './paths.ts';
import { Schemas } from './schemas.ts';

/**
 * `/openapi/v3/…` of one group and version: types and documentation for `kubectl explain`, and the parameters of
 * PATCH. Undefined when there is no such version.
 */
export function openApiDocument(kinds: readonly Kind[], apiVersion: string): unknown {
  const own = kinds.filter((kind) => apiVersionOf(kind) === apiVersion);
  if (own.length === 0) return undefined;
  const schemas = new Schemas({
    root: '#/components/schemas/',
    // A reference takes no description beside it, so it stands in allOf, as in the real document.
    described: (reference, description) => ({ allOf: [reference], description }),
  });
  for (const kind of own) schemas.addKind(kind);
  const paths = own.map((kind) =>
    pathOf(kind, ({ name, type }) => ({ name, in: 'query', schema: { type, uniqueItems: true } })),
  );
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.32.0' },
    paths: Object.fromEntries(paths),
    components: { schemas: schemas.all },
  };
}

/** `/openapi/v3`: where the documents are. The hash changes with the kinds, so that clients may keep them. */
export function openApiIndex(kinds: readonly Kind[], hash: string): unknown {
  const versions = new Set(kinds.map(apiVersionOf));
  const paths = [...versions].map((version) => {
    const path = version.includes('/') ? `apis/${version}` : `api/${version}`;
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) as unknown };
}
