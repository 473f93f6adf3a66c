import { badRequest } from './status-error.ts';

/**
 * A boolean, as the API server reads one: a parameter that is missing, `0` or `false` in any case is false, and all else
 * is true, the empty value too. Clients send `true`, `True`, `t` and `1`.
 * https://github.com/kubernetes/apimachinery, `Convert_Slice_string_To_bool` in pkg/runtime/conversion.go
 */
export function booleanOf(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && isTrue(value);
}

/** The value of a boolean parameter that is there; see {@link booleanOf}. */
export function isTrue(value: string): boolean {
  return value !== '0' && value.toLowerCase() !== 'false';
}

/** A whole number; undefined where it is missing or empty. @throws StatusError BadRequest, as the API server says it. */
export function integerOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name) ?? '';
  if (value === '') return undefined;
  if (/^[+-]?\d+$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value);
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
}
