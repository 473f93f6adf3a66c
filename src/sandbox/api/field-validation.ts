import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { at, scalarText } from '../kinds/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import { subjectOf } from '../kinds/kind.ts';
import type { ModelField } from '../kinds/model-field.ts';
import { fieldsOfModel, isModel, parseModelType } from '../kinds/model.ts';
import type { ApiRequest } from './request.ts';
import { warn } from './request.ts';
import { badRequest, invalid, StatusError } from './status-error.ts';
import { typeErrorsOf } from './typed-patch.ts';

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

const isInt32 = (value: unknown): boolean =>
  Number.isInteger(value) && Math.abs(Number(value) + 0.5) < 2 ** 31;

/** What plain types take, and what the decoder calls them; of others nothing is known. */
const plainTypes: Record<string, [name: string, fits: (value: unknown) => boolean]> = {
  string: ['string', isText],
  byte: ['[]uint8', isText],
  Date: ['v1.Time', isText],
  V1MicroTime: ['v1.MicroTime', isText],
  boolean: ['bool', (value) => typeof value === 'boolean'],
  number: ['int64', Number.isSafeInteger],
  int32: ['int32', isInt32],
  double: ['float64', (value) => typeof value === 'number'],
  IntOrString: ['intstr.IntOrString', (value) => isText(value) || isInt32(value)],
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
  if (format === 'quantity') return checkQuantity(value, check);
  if (isModel(type) && isFields(value)) return checkModel(value, type, path, check);
  const [plain = type, fits] = plainTypes[format] ?? plainTypes[type] ?? [];
  if (isModel(type) || fits?.(value) === false) noteMismatch(value, plain, path, check);
  else if (typeof value === 'string') check.mismatch ??= misread(value, format === 'byte' ? format : type);
  return value;
}

/** The layouts of Go's times; a time to the microsecond always has six digits of them. */
const times: Record<string, [layout: string, pattern: RegExp]> = {
  Date: ['2006-01-02T15:04:05Z07:00', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/],
  V1MicroTime: [
    '2006-01-02T15:04:05.000000Z07:00',
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/,
  ],
};

/** Why a text cannot be read as what it stands for: a time, or bytes. */
function misread(value: string, type: string): string | undefined {
  if (type === 'byte') return misreadBytes(value.replace(/[\r\n]/g, ''));
  const [layout, pattern] = times[type] ?? [];
  if (pattern === undefined || (pattern.test(value) && !Number.isNaN(Date.parse(value)))) return undefined;
  const quotedValue = JSON.stringify(value);
  return `parsing time ${quotedValue} as "${layout ?? ''}": cannot parse ${quotedValue} as "2006"`;
}

function misreadBytes(text: string): string | undefined {
  const digits = /^[A-Za-z0-9+/]*/.exec(text)?.[0].length ?? 0;
  const isRead = text.length % 4 === 0 && /^={0,2}$/.test(text.slice(digits));
  return isRead ? undefined : `illegal base64 data at input byte ${digits}`;
}

/** The words of the decoder; `V1PodSpec` is shown as `v1.PodSpec`. */
function noteMismatch(value: unknown, type: string, path: string, check: Check): void {
  const place = `${path.replace(/\[\d+\]/g, '')} of type ${type.replace(/(Core)?V\d+/, 'v1.')}`;
  check.mismatch ??= `json: cannot unmarshal ${found(value)} into Go struct field ${place}`;
}

const quantity = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;

/** A quantity, as text; it may be written as a number: `cpu: 1`. */
function checkQuantity(value: unknown, check: Check): unknown {
  if ((typeof value !== 'string' && typeof value !== 'number') || !quantity.test(String(value))) {
    check.mismatch ??= `quantities must match the regular expression '${quantity.source}'`;
  }
  return typeof value === 'number' ? String(value) : value;
}

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

/** The object without the fields that its type does not have (of a custom one only the metadata is known). */
function checkObject({ model }: Kind, object: Fields): Check & { kept: Fields } {
  const check: Check = { unknown: [], mismatch: undefined };
  const kept =
    model === undefined
      ? { ...object, ...checkModel({ metadata: object['metadata'] ?? {} }, 'V1Pod', '', check) }
      : checkModel(object, model, '', check);
  return { ...check, kept };
}

/**
 * Checks the fields of an object against the type of its kind and returns it without unknown ones. Those are refused,
 * reported by a warning or passed over, as the request's `fieldValidation` wants it (Warn is the default).
 * @throws StatusError BadRequest for a value of the wrong type, and for unknown fields under Strict.
 */
export function checkFields(
  request: Pick<ApiRequest, 'kind' | 'query' | 'response'>,
  object: Fields,
): Fields {
  const { kind, version } = request.kind;
  const { mismatch, unknown, kept } = checkObject(request.kind, object);
  const refuse = (why: string): Error =>
    badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);
  if (mismatch !== undefined)
    throw request.kind.isCustom ? misfit(request.kind, object, mismatch) : refuse(mismatch);
  const messages = unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  const mode = request.query.get('fieldValidation') ?? 'Warn';
  if (messages.length > 0 && mode === 'Strict') throw refuse(`strict decoding error: ${messages.join(', ')}`);
  if (mode !== 'Ignore') for (const message of messages) warn(request, message);
  return kept;
}

/** A custom object is decoded whatever its fields are, and then refused as one of no valid values. */
function misfit(kind: Kind, object: Fields, message: string): Error {
  const name = scalarText(at(object, 'metadata', 'name'));
  return invalid(subjectOf(kind), name, [{ reason: 'FieldValueInvalid', message, field: 'spec' }]);
}

/**
 * Checks an object that is applied by the schema of its kind, whatever `fieldValidation` says. The real API server has no
 * reason for these errors, only the code 500 (https://github.com/kubernetes/kubernetes/issues/139253).
 * @throws StatusError Unknown for fields that the schema does not have, wrong types, items of one key.
 */
export function checkAppliedFields(
  { kind, namespace = '', name = '' }: Pick<ApiRequest, 'kind' | 'namespace' | 'name'>,
  object: Fields,
): Fields {
  const type = `${kind.group}/${kind.version}, Kind=${kind.kind}`;
  const about = `(${namespace}/${name}; ${type})`;
  const errors = typeErrorsOf(kind, object);
  if (errors !== undefined) {
    throw new StatusError('Unknown', `failed to create typed patch object ${about}: ${errors}`);
  }
  const { mismatch, kept } = checkObject(kind, object);
  if (mismatch === undefined) return kept;
  const converted = `unable to convert unstructured object to ${type}: ${mismatch}`;
  throw new StatusError('Unknown', `failed to convert new object ${about} to proper version: ${converted}`);
}
