import type { Fields } from '../kinds/fields.ts';
import { isFields } from '../kinds/fields.ts';
import { fieldsOfModel, isModel, parseModelType } from '../kinds/model.ts';
import type { ResourceExchange } from './exchange.ts';
import { warn } from './exchange.ts';
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

/** What a plain type takes, and what the decoder calls it. */
function plainType(type: string, format: string): { fits: (value: unknown) => boolean; told: string } {
  const isText = (value: unknown): boolean => typeof value === 'string';
  switch (type) {
    case 'string':
      return { fits: isText, told: 'string' };
    case 'Date':
    case 'V1MicroTime':
      return { fits: isText, told: 'v1.Time' };
    case 'boolean':
      return { fits: (value) => typeof value === 'boolean', told: 'bool' };
    case 'number':
      return format === 'double'
        ? { fits: (value) => typeof value === 'number', told: 'float64' }
        : { fits: Number.isSafeInteger, told: format === '' ? 'int64' : format };
    case 'IntOrString':
      return { fits: (value) => isText(value) || Number.isSafeInteger(value), told: 'intstr.IntOrString' };
    default:
      return { fits: () => true, told: type };
  }
}

function checkValue(value: unknown, type: string, format: string, place: Place): unknown {
  if (value === null) return value;
  const { holds, of } = parseModelType(type);
  const mismatch = (told: string): void => {
    const path = place.path.replace(/\[\d+\]/g, '');
    place.check.mismatch ??= `json: cannot unmarshal ${found(value)} into Go struct field ${place.struct}.${path} of type ${told}`;
  };
  const shown = of.replace(/^(Core)?V\d+((alpha|beta)\d+)?/, 'v1.');
  if (holds === 'list') {
    if (!Array.isArray(value)) mismatch(`[]${shown}`);
    else {
      // In a list null stands for an empty item.
      const empty = isModel(of) ? {} : of === 'string' ? '' : null;
      return value.map((item: unknown, index) =>
        checkValue(item ?? empty, of, format, { ...place, path: `${place.path}[${index}]` }),
      );
    }
  } else if (holds === 'map') {
    if (!isFields(value)) mismatch(`map[string]${shown}`);
    else {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [
          name,
          checkValue(item, of, format, { ...place, path: `${place.path}.${name}` }),
        ]),
      );
    }
  } else if (isModel(of)) {
    if (isFields(value)) return checkModel(value, of, place.path, place.check);
    mismatch(shown);
  } else {
    const plain = plainType(of, format);
    if (of === 'string' && isQuantity(place.path)) return checkQuantity(value, place);
    if (!plain.fits(value)) mismatch(plain.told);
  }
  return value;
}

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
function isQuantity(path: string): boolean {
  return /(^|\.)(limits|requests|capacity|hard|used|allocatable)\.|(sizeLimit|divisor|averageValue)$/.test(
    path,
  );
}

interface Place {
  path: string;
  struct: string;
  check: Check;
}

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
    else kept[name] = checkValue(value, field.type, field.format, { path: below, struct, check });
  }
  return kept;
}

/**
 * Checks the fields of a built-in kind (of a custom one: its metadata) against its type and returns the object without unknown ones. Those are
 * refused, told by a warning or passed over, as the request's `fieldValidation` wants it (Warn is the default).
 * @throws StatusError BadRequest for a value of the wrong type, and for unknown fields under Strict.
 */
export function checkFields(exchange: ResourceExchange, object: Fields): Fields {
  const { model, kind, version } = exchange.kind;
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
  const mode = exchange.query.get('fieldValidation') ?? 'Warn';
  if (told.length > 0 && mode === 'Strict') throw refuse(`strict decoding error: ${told.join(', ')}`);
  if (mode !== 'Ignore') for (const message of told) warn(exchange, message);
  return kept;
}
