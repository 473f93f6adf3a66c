/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
function distance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforePrevious[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** The name that was most likely meant, or undefined when none is near. Upper and lower case count as equal. */
export function nearest(found: string, allowed: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(found.length / 3));
  const ranked = allowed
    .map((name) => ({ name, far: distance(found.toLowerCase().slice(0, 64), name.toLowerCase()) }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far);
  return ranked[0]?.name;
}

/** A hint for a wrong name: what was probably meant, and what is allowed. */
export function hintFor(found: string, allowed: readonly string[]): string {
  const near = nearest(found, allowed);
  const list = allowed.length === 0 ? 'there are none' : `allowed: ${allowed.join(', ')}`;
  return near === undefined ? list : `did you mean "${near}"? ${list}`;
}
