/**
 * Whether two JSON values are equal: objects by their fields in any order, a field that is undefined as one that is
 * not there. Node's isDeepStrictEqual also compares prototypes, which differ for equal data from another realm.
 */
export function sameJson(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => sameJson(item, right[index]))
    );
  }
  const before = left as Record<string, unknown>;
  const after = right as Record<string, unknown>;
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].every((key) =>
    sameJson(before[key], after[key]),
  );
}
