import type { Fields } from '../../../base/fields.ts';
import { isFields } from '../../../base/fields.ts';
import { items } from '../../kinds/fields.ts';
import type { OpenApiV2 } from './v2.ts';

// Clients written in Go ask for the document in the form of gnostic's OpenAPIv2.proto and know no other:
// https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto. Every field here is a string, a flag or a message.

/** The media type of this form. */
export const openApiV2Protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** A field of a message: a string or a message by its length, a flag as a number; nothing for what is undefined. */
function field(number: number, value: string | boolean | Buffer | undefined): Buffer {
  if (value === undefined || value === '' || value === false) return Buffer.alloc(0);
  if (value === true) return Buffer.from([...varint(number << 3), 1]);
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

const textOf = (object: Fields, name: string): string | undefined =>
  typeof object[name] === 'string' ? object[name] : undefined;

/** Entries of a map: messages of a name (1) and a value (2). */
function named(number: number, entries: readonly (readonly [string, Buffer])[]): Buffer {
  return Buffer.concat(
    entries.map(([name, value]) => field(number, Buffer.concat([field(1, name), field(2, value)]))),
  );
}

/** The `x-…` fields: their values as YAML, of which JSON is a part. */
function extensions(number: number, object: Fields): Buffer {
  const own = Object.entries(object).filter(([name]) => name.startsWith('x-'));
  return named(
    number,
    own.map(([name, value]) => [name, field(2, JSON.stringify(value))]),
  );
}

const entriesOf = (value: unknown): [string, Fields][] =>
  isFields(value)
    ? Object.entries(value).filter((entry): entry is [string, Fields] => isFields(entry[1]))
    : [];

function schema(object: Fields): Buffer {
  const { required, additionalProperties, type, items: item, properties } = object;
  const members = entriesOf(properties).map(([name, value]) => [name, schema(value)] as const);
  return Buffer.concat([
    field(1, textOf(object, '$ref')),
    field(2, textOf(object, 'format')),
    field(4, textOf(object, 'description')),
    ...(Array.isArray(required) ? required.map((name) => field(19, String(name))) : []),
    ...(isFields(additionalProperties) ? [field(21, field(1, schema(additionalProperties)))] : []),
    ...(typeof type === 'string' ? [field(22, field(1, type))] : []),
    ...(isFields(item) ? [field(23, field(1, schema(item)))] : []),
    ...(members.length === 0 ? [] : [field(25, named(1, members))]),
    extensions(31, object),
  ]);
}

/** A parameter of a query, in the three messages around it. */
function parameter(object: Fields): Buffer {
  const query = [2, 4, 6].map((number, index) =>
    field(number, textOf(object, ['in', 'name', 'type'][index] ?? '')),
  );
  return field(1, field(2, field(3, Buffer.concat(query))));
}

function operation(object: Fields): Buffer {
  const responses = entriesOf(object['responses']).map(
    ([code, response]) => [code, field(1, field(1, textOf(response, 'description')))] as const,
  );
  return Buffer.concat([
    ...items(object, 'parameters').map((one) => field(8, parameter(one))),
    field(9, named(1, responses)),
    extensions(13, object),
  ]);
}

/** The document as bytes. */
export function encodeOpenApiV2({ swagger, info, paths, definitions }: OpenApiV2): Buffer {
  const pathItems = Object.entries(paths).map(
    ([path, { get, patch }]) =>
      [path, Buffer.concat([field(2, operation(get)), field(8, operation(patch))])] as const,
  );
  const schemas = Object.entries(definitions).map(([name, value]) => [name, schema(value)] as const);
  return Buffer.concat([
    field(1, swagger),
    field(2, Buffer.concat([field(1, info.title), field(2, info.version)])),
    field(8, named(2, pathItems)),
    field(9, named(1, schemas)),
  ]);
}
