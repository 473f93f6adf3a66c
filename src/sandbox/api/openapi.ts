import type { Fields } from '../kinds/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import type { ModelField } from '../kinds/model.ts';
import { describeModel, isModel, parseModelType } from '../kinds/model.ts';

/** `V1PodSpec` is `io.k8s.V1.PodSpec`: what follows the last dot is what kubectl shows. */
const schemaName = (model: string): string =>
  `io.k8s.${model.replace(/^(.*?V\d+(?:(?:alpha|beta)\d+)?)/, '$1.')}`;
const reference = (model: string): Fields => ({ $ref: `#/components/schemas/${schemaName(model)}` });

const plainSchemas: Record<string, Fields> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  Date: { type: 'string', format: 'date-time' },
  V1MicroTime: { type: 'string', format: 'date-time' },
  IntOrString: { 'x-kubernetes-int-or-string': true, type: 'string' },
  any: { type: 'object' },
};

function plainSchema(type: string, format: string): Fields {
  if (type !== 'number') return plainSchemas[type] ?? { type: 'object' };
  return format === 'double' ? { type: 'number', format } : { type: 'integer', format: format || 'int64' };
}

function fieldSchema({ type, format, description }: ModelField & { description: string }): Fields {
  const { holds, of } = parseModelType(type);
  const one = isModel(of) ? reference(of) : plainSchema(of, format);
  if (holds === 'list') return { type: 'array', description, items: one };
  if (holds === 'map') return { type: 'object', description, additionalProperties: one };
  // A reference takes no description beside it, so it stands in allOf, as in the real document.
  return { ...(isModel(of) ? { allOf: [one] } : one), description };
}

/** Adds a model and all that it needs. */
function addModel(model: string, schemas: Record<string, Fields>): void {
  const name = schemaName(model);
  if (schemas[name] !== undefined) return;
  const { description, fields } = describeModel(model);
  const required = fields.filter((field) => field.required).map((field) => field.name);
  schemas[name] = {
    type: 'object',
    description,
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field)])),
  };
  for (const { of } of fields.map((field) => parseModelType(field.type)))
    if (isModel(of)) addModel(of, schemas);
}

/** Query parameters that kubectl looks for to learn what the server can do. */
const patchParameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
  name,
  in: 'query',
  schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
}));

const typeOf = ({ group, version, kind }: Kind): Fields => ({ group, version, kind });

function pathsOf(kind: Kind): [string, Fields] {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${apiVersionOf(kind)}`;
  const place = kind.namespaced ? `${root}/namespaces/{namespace}` : root;
  const common = {
    'x-kubernetes-group-version-kind': typeOf(kind),
    responses: { '200': { description: 'OK' } },
  };
  const get = { 'x-kubernetes-action': 'get', ...common };
  const patch = { 'x-kubernetes-action': 'patch', ...common, parameters: patchParameters };
  return [`${place}/${kind.plural}/{name}`, { get, patch }];
}

/**
 * `/openapi/v3/…` of one group and version: types and documentation for `kubectl explain`, and the parameters of
 * PATCH. Undefined when there is no such version.
 */
export function openApiDocument(kinds: readonly Kind[], apiVersion: string): unknown {
  const own = kinds.filter((kind) => apiVersionOf(kind) === apiVersion);
  if (own.length === 0) return undefined;
  const schemas: Record<string, Fields> = {};
  for (const kind of own) {
    const name = schemaName(kind.model ?? `${kind.group}.${kind.version}.${kind.kind}`);
    if (kind.model !== undefined) addModel(kind.model, schemas);
    const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    schemas[name] = { ...(schemas[name] ?? free), 'x-kubernetes-group-version-kind': [typeOf(kind)] };
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.32.0' },
    paths: Object.fromEntries(own.map(pathsOf)),
    components: { schemas },
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
