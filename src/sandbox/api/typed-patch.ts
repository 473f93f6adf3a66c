import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import { listTypeOf } from '../kinds/list-types.ts';
import type { ModelField } from '../kinds/model-field.ts';
import { fieldsOfModel, isModel, parseModelType } from '../kinds/model.ts';
import { showPath } from '../../base/fields-v1.ts';
import { itemKey } from './field-set.ts';

/** A value as Go prints it, with `%v`. */
function plainGo(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(plainGo).join(' ')}]`;
  if (value === null) return '<nil>';
  if (!isFields(value)) return typeof value === 'string' ? value : JSON.stringify(value);
  const entries = Object.entries(value).map(([name, item]) => `${name}:${plainGo(item)}`);
  return `map[${entries.sort().join(' ')}]`;
}

/** A value as Go writes it in a program, with `%#v`. */
function literalGo(value: unknown): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(literalGo).join(', ')}}`;
  if (!isFields(value)) return value === null ? 'interface {}(nil)' : JSON.stringify(value);
  const entries = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${literalGo(item)}`);
  return `map[string]interface {}{${entries.sort().join(', ')}}`;
}

/** What is wrong with a value that is none of its scalar type; what else there is may be anything. */
const scalars: Record<string, (value: unknown) => string | undefined> = {
  string: (value) =>
    typeof value === 'string'
      ? undefined
      : `expected string, got &value.valueUnstructured{Value:${literalGo(value)}}`,
  boolean: (value) => (typeof value === 'boolean' ? undefined : `expected boolean, got &{${plainGo(value)}}`),
  number: (value) =>
    typeof value === 'number' ? undefined : 'expected numeric (int or float), got *value.valueUnstructured',
};

type FieldType = Pick<ModelField, 'type' | 'format'>;

/** Where a value stands: its path as messages show it, and the field names that lead to it. */
interface At {
  path: string;
  names: readonly string[];
}

const step = ({ path, names }: At, name: string): At => ({
  path: `${path}.${name}`,
  names: [...names, name],
});

/** Walks an applied object by the types of its kind and collects what does not fit. */
class TypedWalk {
  readonly errors: string[] = [];

  #add({ path }: At, message: string): void {
    this.errors.push(`${path}: ${message}`);
  }

  model(object: unknown, model: string, at: At): void {
    if (!isFields(object)) {
      this.#add(at, `expected map, got &{${plainGo(object)}}`);
      return;
    }
    const fields = fieldsOfModel(model);
    for (const [name, value] of Object.entries(object)) {
      const field = fields.find((row) => row.name === name);
      if (field === undefined) this.#add(step(at, name), 'field not declared in schema');
      else this.#value(value, field, step(at, name));
    }
  }

  #value(value: unknown, { type, format }: FieldType, at: At): void {
    if (value === null || value === undefined) return;
    const { holds, of } = parseModelType(type);
    const one = { type: of, format };
    if (holds === 'list') this.#list(value, one, at);
    else if (holds === 'map') this.#map(value, one, at);
    else if (isModel(of)) this.model(value, of, at);
    else {
      const wrong = format === 'quantity' ? undefined : scalars[of]?.(value);
      if (wrong !== undefined) this.#add(at, wrong);
    }
  }

  #map(value: unknown, one: FieldType, at: At): void {
    if (!isFields(value)) {
      this.#add(at, `expected map, got &{${plainGo(value)}}`);
      return;
    }
    for (const [name, item] of Object.entries(value)) this.#value(item, one, step(at, name));
  }

  #list(value: unknown, one: FieldType, at: At): void {
    if (!Array.isArray(value)) {
      this.#add(at, `expected list, got &{${plainGo(value)}}`);
      return;
    }
    const list = listTypeOf(at.names, true);
    const seen = new Set<string>();
    for (const [index, item] of (value as unknown[]).entries()) {
      const element = elementOf(item, list, index);
      if ('wrong' in element) {
        this.#add(at, `element ${index}: ${element.wrong}`);
        return;
      }
      if (seen.has(element.key)) this.#add(at, `duplicate entries for key ${element.key}`);
      seen.add(element.key);
      this.#value(item, one, { ...at, path: `${at.path}${element.key}` });
    }
  }
}

/** How an item of a list is called, by its keys, its value or its place; or why it cannot be. */
function elementOf(
  item: unknown,
  list: ReturnType<typeof listTypeOf>,
  index: number,
): { key: string } | { wrong: string } {
  if (list.type === 'atomic') return { key: `[${index}]` };
  if (list.type === 'map') {
    if (item === null) return { wrong: 'associative list with keys may not have a null element' };
    if (!isFields(item)) return { wrong: 'associative list with keys may not have non-map elements' };
    return { key: showPath(itemKey(item, list.keys)) };
  }
  if (item === null) return { wrong: "associative list without keys has an element that's an explicit null" };
  return { key: `[=${JSON.stringify(item)}]` };
}

/**
 * What the types of its kind do not allow in an object that is applied, in the words of the real API server (a custom
 * object has types for its metadata alone): unknown fields, wrong types, items of one key. Undefined when all fits.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 */
export function typeErrorsOf(kind: Pick<Kind, 'model'>, object: Fields): string | undefined {
  const walk = new TypedWalk();
  const root = { path: '', names: [] };
  if (kind.model !== undefined) walk.model(object, kind.model, root);
  else walk.model(object['metadata'] ?? {}, 'V1ObjectMeta', step(root, 'metadata'));
  const [first, ...more] = walk.errors;
  if (more.length === 0) return first;
  return ['errors:', ...walk.errors.map((error) => `  ${error}`)].join('\n');
}
