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

type FieldType = Pick<ModelField, 'type' | 'format'>;

interface Place {
  path: string;
  struct: string;
  check: Check;
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value);

/** What plain types take, and what the decoder calls them; of others nothing is known. */
const plainTypes: Record<string, { fits: (value: unknown) => boolean; told: string }> = {
  string: { fits: isText, told: 'string' },
  Date: { fits: isText, told: 'v1.Time' },
  V1MicroTime: { fits: isText, told: 'v1.MicroTime' },
  boolean: { fits: (value) => typeof value === 'boolean', told: 'bool' },
  number: { fits: isWhole, told: 'int' },
  double: { fits: (value) => typeof value === 'number', told: 'float64' },
  IntOrString: { fits: (value) => isText(value) || isWhole(value), told: 'intstr.IntOrString' },
};

/** In a list null stands for an empty item. */
function emptyItem(type: string): unknown {
  if (isModel(type)) return {};
  return type === 'string' ? '' : null;
}

/** The value without unknown fields below it. */
function checkValue(value: unknown, field: FieldType, place: Place): unknown {
  if (value === null) return value;
  const { path } = place;
  const { holds, of } = parseModelType(field.type);
  const one = { type: of, format: field.format };
  const below = (item: unknown, at: string): unknown =>
    checkValue(item, one, { ...place, path: `${path}${at}` });
  if (holds === 'list' && Array.isArray(value)) {
    const empty = emptyItem(of);
    return value.map((item: unknown, index) => below(item ?? empty, `[${index}]`));
  }
  if (holds === 'map' && isFields(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, below(item, `.${name}`)]));
  }
  if (holds === 'one') return checkOne(value, one, place);
  noteMismatch(value, field.type, place);
  return value;
}

function checkOne(value: unknown, { type, format }: FieldType, place: Place): unknown {
  if (type === 'string' && isQuantity(place.path)) return checkQuantity(value, place);
  if (isModel(type)) {
    if (isFields(value)) return checkModel(value, type, place.path, place.check);
    noteMismatch(value, type, place);
    return value;
  }
  const plain = plainTypes[format === 'double' ? format : type];
  if (plain?.fits(value) === false) noteMismatch(value, type, place, plain.told);
  return value;
}

function noteMismatch(value: unknown, type: string, { path, struct, check }: Place, plain?: string): void {
  const { holds, of } = parseModelType(type);
  const told = `${{ one: '', list: '[]', map: 'map[string]' }[holds]}${plain ?? shortName(of)}`;
  const place = `${struct}.${path.replace(/\[\d+\]/g, '')}`;
  check.mismatch ??= `json: cannot unmarshal ${found(value)} into Go struct field ${place} of type ${told}`;
}

/** `V1PodSpec` is told as `v1.PodSpec`. */
const shortName = (model: string): string => model.replace(/^(Core)?V\d+/, 'v1.');

const quantity = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;

/** A quantity, as text. */
function checkQuantity(value: unknown, { check }: Place): unknown {
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
  const struct = model.replace(/^(Core)?V\d+/, '');
  const kept: Fields = {};
  for (const [name, value] of Object.entries(object)) {
    // null stands for a field that is not there.
    if (value === null) continue;
    const field = fields.find((row) => row.name === name);
    const below = path === '' ? name : `${path}.${name}`;
    if (field === undefined) check.unknown.push(below);
    else kept[name] = checkValue(value, field, { path: below, struct, check });
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
