/** Values nested deeper than this count as too large: those who walk them would overflow the stack. */
const deepest = 100;

/** Values do not change once an expression has them, so each is weighed once, however often it is part of others. */
const known = new WeakMap<object, number>();

/** Characters and elements of a value with all that it holds; infinite when it is nested too deeply. */
export function weigh(value: unknown, depth = 0): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof Uint8Array) return value.length;
  if (depth > deepest) return Infinity;
  const weighed = known.get(value);
  if (weighed !== undefined) return weighed;
  const parts = partsOf(value);
  let weight = 1;
  for (const part of parts) weight += weigh(part, depth + 1);
  // A list that is empty may be one that a macro is about to fill.
  if (parts.length > 0) known.set(value, weight);
  return weight;
}

function partsOf(value: object): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Set) return [...(value as Set<unknown>)];
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)].flat();
  return Object.getPrototypeOf(value) === Object.prototype ? Object.entries(value).flat() : [];
}
