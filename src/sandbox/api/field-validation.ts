import type { Fields } from '../kinds/fields.ts';
import { isFields } from '../kinds/fields.ts';
import type { ModelField } from '../kinds/model.ts';
import { fieldsOfModel, isModel, parseModelType } from '../kinds/model.ts';
import type { ApiRequest } from './request.ts';
import { warn } from './request.ts';
import { badRequest } from './status-error.ts';

interface Check {
  unknown: string[];
  /** The first value of a wrong type, as the real API server's decoder tells it. */
  mismatch: string | undefined;
}

/** How the decoder of the real API server names what it found. */
function found(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'number' && !Number.isInteger(value) ? `number ${String(value)}` : typeof value;
}

const isText = (value: unknown): boolean => typeof value === 'string';

/** What plain types take, and what the decoder calls them; of others nothing is known. */
const plainTypes: Record<string, [told: string, fits: (value: unknown) => boolean]> = {
  string: ['string', isText],
  Date: ['v1.Time', isText],
  V1MicroTime: ['v1.MicroTime', isText],
  boolean: ['bool', (value) => typeof value === 'boolean'],
  number: ['int', Number.isSafeInteger],
  double: ['float64', (value) => typeof value === 'number'],
  IntOrString: ['intstr.IntOrString', (value) => isText(value) || Number.isSafeInteger(value)],
};

/** In a list null stands for an empty item. */
function emptyItem(type: string): unknown {
  if (isModel(type)) return {};
  return type === 'string' ? '' : null;
}

type FieldType = Pick<ModelField, 'type' | 'format'>;

/** The value without unknown fields below it. */
function checkValue(value: unknown, field: FieldType, path: string, check: Check): unknown {
  const { holds, of } = parseModelType(field.type);
  const one = { type: of, format: field.format };
  const below = (item: unknown, at: string): unknown => checkValue(item, one, `${path}${at}`, check);
  if (value === null) return value;
  if (holds === 'one') return checkOne(value, one, path, check);
  if (holds === 'list' && Array.isArray(value)) {
    return value.map((item: unknown, index) => below(item ?? emptyItem(of), `[${index}]`));
  }
  if (holds === 'map' && isFields(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, below(item, `.${name}`)]));
  }
  noteMismatch(value, `${holds === 'list' ? '[]' : 'map[string]'}${of}`, path, check);
  return value;
}

function checkOne(value: unknown, { type, format }: FieldType, path: string, check: Check): unknown {
  if (type === 'string' && isQuantity(path)) return checkQuantity(value, check);
  if (isModel(type) && isFields(value)) return checkModel(value, type, path, check);
  const [plain = type, fits] = plainTypes[format === 'double' ? format : type] ?? [];
  if (isModel(type) || fits?.(value) === false) noteMismatch(value, plain, path, check);
  return value;
}

/** The words of the decoder; `V1PodSpec` is told as `v1.PodSpec`. */
function noteMismatch(value: unknown, type: string, path: string, check: Check): void {
  const place = `${path.replace(/\[\d+\]/g, '')} of type ${type.replace(/(Core)?V\d+/, 'v1.')}`;
  check.mismatch ??= `json: cannot unmarshal ${found(value)} into Go struct field ${place}`;
}

const quantity = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;

/** A quantity, as text. */
function checkQuantity(value: unknown, check: Check): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') return value;
  if (!quantity.test(String(value))) {
    check.mismatch ??= `quantities must match the regular expression '${quantity.source}'`;
  }
  return String(value);
}

/** Quantities may be written as numbers: `cpu: 1`. */
const isQuantity = (path: string): boolean =>
  /(^|\.)(limits|requests|capacity|hard|used|allocatable)\.|(sizeLimit|divisor|averageValue)$/.test(path);

/** Returns a copy without the fields that the type does not have or that are null. */
function checkModel(object: Fields, model: string, path: string, check: Check): Fields {
  const fields = fieldsOfModel(model);
  const kept: Fields = {};
  for (const [name, value] of Object.entries(object)) {
    // null stands for a field that is not there.
    if (value === null) continue;
    const field = fields.find((row) => row.name === name);
    const below = path === '' ? name : `${path}.${name}`;
    if (field === undefined) check.unknown.push(below);
    else kept[name] = checkValue(value, field, below, check);
  }
  return kept;
}

/**
 * Checks the fields of a built-in kind (of a custom one: its metadata) against its type and returns the object without unknown ones. Those are
 * refused, told by a warning or passed over, as the request's `fieldValidation` wants it (Warn is the default).
 * @throws StatusError BadRequest for a value of the wrong type, and for unknown fields under Strict.
 */
export function checkFields(
  request: Pick<ApiRequest, 'kind' | 'query' | 'response'>,
  object: Fields,
): Fields {
  const { model, kind, version } = request.kind;
  const check: Check = { unknown: [], mismatch: undefined };
  // Of custom objects only the metadata is known.
  const kept =
    model === undefined
      ? { ...object, ...checkModel({ metadata: object['metadata'] ?? {} }, 'V1Pod', '', check) }
      : checkModel(object, model, '', check);
  const refuse = (why: string): Error =>
    badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);
  if (check.mismatch !== undefined) throw refuse(check.mismatch);
  const told = check.unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  const mode = request.query.get('fieldValidation') ?? 'Warn';
  if (told.length > 0 && mode === 'Strict') throw refuse(`strict decoding error: ${told.join(', ')}`);
  if (mode !== 'Ignore') for (const message of told) warn(request, message);
  return kept;
}
