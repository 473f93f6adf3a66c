import type { Fields } from '../../../base/fields.ts';
import { items } from '../../kinds/fields.ts';
import type { Kind } from '../../kinds/kind.ts';
import { listTypeOf } from '../../kinds/list-types.ts';
import type { ModelField } from '../../kinds/model-field.ts';
import { describeModel, isModel, parseModelType } from '../../kinds/model.ts';

/** What the two versions of OpenAPI write differently. */
export interface Dialect {
  /** Where the schemas are in the document, e.g. `#/definitions/`. */
  root: string;
  /** A field that holds another schema, with the field's own description. */
  described: (reference: Fields, description: string) => Fields;
}

/** Group, version and kind, as extensions have them. */
export const typeOf = ({ group, version, kind }: Kind): Fields => ({ group, version, kind });

/** `V1PodSpec` is `io.k8s.V1.PodSpec`: what follows the last dot is what kubectl shows. */
const nameOf = (model: string): string =>
  `io.k8s.${model.replace(/^(.*?V\d+(?:(?:alpha|beta)\d+)?)/, '$1.')}`;

const plainSchemas: Record<string, Fields> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  Date: { type: 'string', format: 'date-time' },
  V1MicroTime: { type: 'string', format: 'date-time' },
  IntOrString: { 'x-kubernetes-int-or-string': true, type: 'string', format: 'int-or-string' },
  any: { type: 'object' },
};

function plainSchema(type: string, format: string): Fields {
  if (type !== 'number') return plainSchemas[type] ?? { type: 'object' };
  return format === 'double' ? { type: 'number', format } : { type: 'integer', format: format || 'int64' };
}

const kindExtension = 'x-kubernetes-group-version-kind';

/** Under which name a model's fields are known in the table of lists. */
function placeOf(model: string): string {
  if (/(Container|Spec|Status)$/.test(model))
    return model.endsWith('Container') ? 'containers' : model.endsWith('Spec') ? 'spec' : 'status';
  return model.endsWith('ObjectMeta') ? 'metadata' : '';
}

/** Fields whose other fields go when one of them is set: the sources of a volume, the settings of a strategy. */
const retaining = /^(volumes|strategy|updateStrategy)$/;

/** How clients merge a field: the extensions that `kubectl apply` makes its patch by. */
function mergeExtensions(model: string, field: string, holds: 'one' | 'list' | 'map'): Fields {
  const retainKeys = retaining.test(field) ? 'retainKeys' : '';
  if (holds !== 'list') return retainKeys === '' ? {} : { 'x-kubernetes-patch-strategy': retainKeys };
  const list = listTypeOf([placeOf(model), field].filter(Boolean), true);
  if (list.type === 'atomic') return {};
  const strategy = retainKeys === '' ? 'merge' : `merge,${retainKeys}`;
  const key = list.type === 'map' ? { 'x-kubernetes-patch-merge-key': list.patchKey } : {};
  return { ...key, 'x-kubernetes-patch-strategy': strategy };
}

/** The schemas of a document; each model is added with all that it needs. */
export class Schemas {
  readonly all: Record<string, Fields> = {};
  readonly #dialect: Dialect;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  /** Adds a kind, one of which nothing is known too, and returns its schema's name. */
  addKind(kind: Kind): string {
    const name = nameOf(kind.model ?? `${kind.group}.${kind.version}.${kind.kind}`);
    if (kind.model !== undefined) this.#add(kind.model);
    const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const schema = this.all[name] ?? free;
    // Versions of a kind may have one schema.
    const others = items(schema, kindExtension);
    this.all[name] = { ...schema, [kindExtension]: [...others, typeOf(kind)] };
    return name;
  }

  #add(model: string): void {
    const name = nameOf(model);
    if (this.all[name] !== undefined) return;
    const { description, fields } = describeModel(model);
    // A model may hold itself.
    this.all[name] = {};
    const required = fields.filter((field) => field.required).map((field) => field.name);
    this.all[name] = {
      type: 'object',
      description,
      ...(required.length === 0 ? {} : { required }),
      properties: Object.fromEntries(fields.map((field) => [field.name, this.#field(model, field)])),
    };
  }

  /** A value's schema; models that it holds are added. */
  #value(type: string, format: string): Fields {
    const { holds, of } = parseModelType(type);
    if (holds === 'list') return { type: 'array', items: this.#value(of, format) };
    if (holds === 'map') return { type: 'object', additionalProperties: this.#value(of, format) };
    if (!isModel(of)) return plainSchema(of, format);
    this.#add(of);
    return { $ref: `${this.#dialect.root}${nameOf(of)}` };
  }

  #field(model: string, { name, type, format, description }: ModelField & { description: string }): Fields {
    const value = this.#value(type, format);
    const extensions = mergeExtensions(model, name, parseModelType(type).holds);
    if (value['$ref'] === undefined) return { ...value, description, ...extensions };
    return { ...this.#dialect.described(value, description), ...extensions };
  }
}
