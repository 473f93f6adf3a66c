/** An object of JSON whose fields are not typed. */
export type Fields = Record<string, unknown>;

/** Whether a value is an object of JSON: no list, no scalar, not null. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
