import { isIP } from 'node:net';
import type { StatusCause } from '../api/status-error.ts';
import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { placesOf, scalarText } from './fields.ts';

// The reasons and texts of k8s.io/apimachinery/pkg/util/validation/field/errors.go.

const quoted = (value: unknown): string => JSON.stringify(value);

/** A map of texts as Go prints it. */
export function showMap(value: unknown): string {
  if (!isFields(value)) return 'map[string]string(nil)';
  const entries = Object.entries(value).map(([name, entry]) => `${quoted(name)}:${quoted(entry)}`);
  return `map[string]string{${entries.join(', ')}}`;
}

function show(value: unknown): string {
  if (value === undefined || value === null) return '""';
  return isFields(value) ? showMap(value) : quoted(value);
}

const cause = (reason: string, field: string, message: string, detail = ''): StatusCause => {
  return { reason: `FieldValue${reason}`, message: detail === '' ? message : `${message}: ${detail}`, field };
};

/** A field that must be there is not. */
export const required = (field: string, detail?: string): StatusCause =>
  cause('Required', field, 'Required value', detail);

/** A value that the field cannot have. `shown` replaces how the value is shown. */
export function invalidValue(
  field: string,
  value: unknown,
  detail: string,
  shown = show(value),
): StatusCause {
  return cause('Invalid', field, `Invalid value: ${shown}`, detail);
}

/** A value that is none of those that the field knows. */
export function unsupported(field: string, value: unknown, supported: readonly string[]): StatusCause {
  const detail = `supported values: ${supported.map(quoted).join(', ')}`;
  return cause('NotSupported', field, `Unsupported value: ${show(value)}`, detail);
}

/** A field that may not be given here. */
export const forbiddenField = (field: string, detail: string): StatusCause =>
  cause('Forbidden', field, 'Forbidden', detail);

/** A value that another item has already. */
export const duplicate = (field: string, value: unknown): StatusCause =>
  cause('Duplicate', field, `Duplicate value: ${show(value)}`);

/** A name of something that is not there. */
export const missing = (field: string, value: unknown): StatusCause =>
  cause('NotFound', field, `Not found: ${show(value)}`);

/** Data above `bytes`. */
export const tooLong = (field: string, bytes: number): StatusCause =>
  cause('TooLong', field, 'Too long', `must have at most ${bytes} bytes`);

/** What a check finds wrong. */
type Findings = StatusCause | false | undefined | readonly (StatusCause | false | undefined)[];

/** Checks the value at `path`; `parent` is the object that it stands in. */
export type Check = (value: unknown, path: string, parent: Fields) => Findings;

/** Checks for each place that a pattern of {@link placesOf} names. */
export type Rule = readonly [pattern: string, ...checks: Check[]];

/** What is wrong with an object that stands at `from`. */
export function applyRules(object: Fields, rules: readonly Rule[], from = ''): StatusCause[] {
  return rules.flatMap(([pattern, ...checks]) =>
    placesOf(object, pattern, from).flatMap(({ path, value, parent }) =>
      checks
        .flatMap((check) => check(value, path, parent))
        .filter((found) => found !== undefined && found !== false),
    ),
  );
}

const isMissing = (value: unknown): boolean =>
  value === undefined || value === '' || (Array.isArray(value) && value.length === 0);

/** The field must be there and not empty. */
export const needed =
  (detail = ''): Check =>
  (value, path) =>
    isMissing(value) && required(path, detail);

/** A rule for names, with the text that the real API server gives. */
export interface NameRule {
  pattern: RegExp;
  maxLength: number;
  message: string;
}

/** Checks a string against a rule. */
export function checkName(field: string, value: string, by: NameRule): StatusCause[] {
  const tooMany = value.length > by.maxLength;
  return [
    ...(tooMany ? [invalidValue(field, value, `must be no more than ${by.maxLength} characters`)] : []),
    ...(by.pattern.test(value) ? [] : [invalidValue(field, value, by.message)]),
  ];
}

/** A text, where it is given, follows the rule. */
export const named =
  (rule: NameRule): Check =>
  (value, path) =>
    typeof value === 'string' && value !== '' ? checkName(path, value, rule) : [];

/** A number of at least `least`. */
export const atLeast =
  (least: number): Check =>
  (value, path) =>
    typeof value === 'number' &&
    value < least &&
    invalidValue(path, value, `must be greater than or equal to ${least}`);

/** A number of a range. */
export const between =
  (least: number, most: number): Check =>
  (value, path) =>
    typeof value === 'number' &&
    (value < least || value > most) &&
    invalidValue(path, value, `must be between ${least} and ${most}, inclusive`);

/** A port's number. */
export const portNumber = between(1, 65535);

/** An address of either version. */
export const ipAddress: Check = (value, path) =>
  (typeof value !== 'string' || isIP(value) === 0) &&
  invalidValue(path, value ?? '', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');

/** One of a few values. */
export const oneOf =
  (...supported: string[]): Check =>
  (value, path) =>
    value !== undefined && !supported.includes(scalarText(value)) && unsupported(path, value, supported);

/** The field of this name is different in every item of a list. */
export const unique =
  (field: string, before: readonly unknown[] = []): Check =>
  (list, path) => {
    if (!Array.isArray(list)) return [];
    const names = list.map((item: unknown) => (isFields(item) ? item[field] : undefined));
    return names.map((name, index) => {
      const isTaken = before.includes(name) || names.indexOf(name) < index;
      const place = `${path}[${index}].${field}`;
      return name !== undefined && isTaken && duplicate(place, name);
    });
  };
