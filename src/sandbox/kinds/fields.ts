/** An object of JSON whose fields are not typed: what the API server works on for any kind. */
export type Fields = Record<string, unknown>;

/** Whether `value` is a JSON object (not an array, not null). */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at `name`, or undefined when there is none. */
export function child(parent: Fields | undefined, name: string): Fields | undefined {
  const value = parent?.[name];
  return isFields(value) ? value : undefined;
}

/** The objects of the list at `name`; other things in the list are left out. */
export function items(parent: Fields | undefined, name: string): Fields[] {
  const value = parent?.[name];
  return Array.isArray(value) ? value.filter(isFields) : [];
}

/** The text at `name`, or undefined. */
export function text(parent: Fields | undefined, name: string): string | undefined {
  const value = parent?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** A scalar as text; empty for everything else. */
export function scalarText(value: unknown): string {
  return typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : '';
}

/** Walks down: the value at `path`, or undefined. */
export function at(parent: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((value, name) => (isFields(value) ? value[name] : undefined), parent);
}

/** Sets the fields of `defaults` that `target` does not have. */
export function fill(target: Fields, defaults: Fields): void {
  for (const [name, value] of Object.entries(defaults)) {
    target[name] ??= structuredClone(value);
  }
}

/** The object at `name`, made when it is not there. */
export function ensure(parent: Fields, name: string): Fields {
  const there = child(parent, name);
  if (there !== undefined) return there;
  const made: Fields = {};
  parent[name] = made;
  return made;
}
