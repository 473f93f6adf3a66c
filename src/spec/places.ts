/** Something found in plain data, and where. */
export interface Place<T = unknown> {
  path: (string | number)[];
  value: T;
}

/** Every string of plain data, keys left out. */
export function stringsIn(value: unknown, path: readonly (string | number)[] = []): Place<string>[] {
  if (typeof value === 'string') return [{ path: [...path], value }];
  if (Array.isArray(value)) return value.flatMap((item, index) => stringsIn(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => stringsIn(item, [...path, key]));
}

/** What stands at a dotted path (`verify.script.run`); `*` stands for every key or entry. */
export function placesAt(value: unknown, dotted: string): Place[] {
  let places: Place[] = [{ path: [], value }];
  for (const part of dotted.split('.')) places = places.flatMap((place) => step(place, part));
  return places;
}

function step({ path, value }: Place, part: string): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) {
    if (part !== '*') return [];
    return value.map((item: unknown, index) => ({ path: [...path, index], value: item }));
  }
  return Object.entries(value)
    .filter(([key]) => part === '*' || key === part)
    .map(([key, item]: [string, unknown]) => ({ path: [...path, key], value: item }));
}
