import type { Fields } from '../../../base/fields.ts';
import type { Kind } from '../../kinds/kind.ts';
import { pathOf } from './paths.ts';
import { Schemas } from './schemas.ts';

/** The part of an OpenAPI 2 document that the sandbox has. */
export interface OpenApiV2 {
  swagger: '2.0';
  info: { title: string; version: string };
  paths: Record<string, { get: Fields; patch: Fields }>;
  definitions: Record<string, Fields>;
}

/**
 * `/openapi/v2`: what kubectl before 1.27 knows the kinds by, for `explain`, `diff`, a dry run on the server, and its own
 * validation and patches. It has all kinds in one document.
 */
export function openApiV2(kinds: readonly Kind[]): OpenApiV2 {
  const schemas = new Schemas({
    root: '#/definitions/',
    described: (reference, description) => ({ ...reference, description }),
  });
  for (const kind of kinds) schemas.addKind(kind);
  const paths = kinds.map((kind) => pathOf(kind, (parameter) => ({ ...parameter, in: 'query' })));
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.32.0' },
    paths: Object.fromEntries(paths),
    definitions: schemas.all,
  };
}
