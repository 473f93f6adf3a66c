/**
 * Whether everything in `wanted` is in `stored` too: tells after a lost answer whether a write took effect. Fields
 * that the server adds do not count.
 */
export function isSubset(wanted: unknown, stored: unknown): boolean {
  if (wanted === null || wanted === undefined) return true;
  if (stored === undefined && typeof wanted === 'object') return Object.keys(wanted).length === 0; // {} is not stored
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(stored) &&
      stored.length === wanted.length &&
      wanted.every((item, index) => isSubset(item, stored[index]))
    );
  }
  if (typeof wanted === 'object') {
    if (typeof stored !== 'object' || stored === null) return false;
    const fields = stored as Record<string, unknown>;
    return Object.entries(wanted).every(([key, value]) => isSubset(value, fields[key]));
  }
  return wanted === stored;
}
