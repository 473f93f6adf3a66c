import type { StatusCause } from '../api/status-error.ts';
import { isFields, scalarText } from './fields.ts';

// The reasons and texts of k8s.io/apimachinery/pkg/util/validation/field/errors.go.

/** A value as messages show it; maps of texts as Go prints them. */
function show(value: unknown): string {
  if (value === undefined || value === null) return '""';
  if (!isFields(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(
    ([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`,
  );
  return `map[string]string{${entries.join(', ')}}`;
}

const detailed = (text: string, detail: string): string => (detail === '' ? text : `${text}: ${detail}`);

/** A field that must be there is not. */
export function required(field: string, detail = ''): StatusCause {
  return { reason: 'FieldValueRequired', message: detailed('Required value', detail), field };
}

/** A value that the field cannot have. `shown` replaces how the value is told. */
export function invalidValue(
  field: string,
  value: unknown,
  detail: string,
  shown = show(value),
): StatusCause {
  return { reason: 'FieldValueInvalid', message: detailed(`Invalid value: ${shown}`, detail), field };
}

/** A value that is none of those that the field knows. */
export function unsupported(field: string, value: unknown, supported: readonly string[]): StatusCause {
  const list = supported.map((name) => JSON.stringify(name)).join(', ');
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${show(value)}: supported values: ${list}`,
    field,
  };
}

/** A field that may not be given here. */
export function forbiddenField(field: string, detail: string): StatusCause {
  return { reason: 'FieldValueForbidden', message: detailed('Forbidden', detail), field };
}

/** A value that is there twice. */
export function duplicate(field: string, value: unknown): StatusCause {
  return { reason: 'FieldValueDuplicate', message: `Duplicate value: ${show(value)}`, field };
}

/** A name of something that is not there. */
export function missing(field: string, value: unknown): StatusCause {
  return { reason: 'FieldValueNotFound', message: `Not found: ${show(value)}`, field };
}

/** A whole number of at least `least`; nothing when it is not given. */
export function atLeast(field: string, value: unknown, least = 0): StatusCause[] {
  if (typeof value !== 'number' || value >= least) return [];
  return [invalidValue(field, value, `must be greater than or equal to ${least}`)];
}

/** A port number. */
export function portNumber(field: string, value: unknown): StatusCause[] {
  if (typeof value !== 'number' || (value >= 1 && value <= 65535)) return [];
  return [invalidValue(field, value, 'must be between 1 and 65535, inclusive')];
}

/** A value of a list; nothing when it is not given. */
export function oneOf(field: string, value: unknown, supported: readonly string[]): StatusCause[] {
  return value === undefined || supported.includes(scalarText(value))
    ? []
    : [unsupported(field, value, supported)];
}

/** Names that stand twice, each at its second place. */
export function noDuplicates(names: readonly unknown[], fieldOf: (index: number) => string): StatusCause[] {
  return names.flatMap((name, index) =>
    name !== undefined && names.indexOf(name) < index ? [duplicate(fieldOf(index), name)] : [],
  );
}
