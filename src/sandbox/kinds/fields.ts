import { isFields, type Fields } from '../../base/fields.ts';

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

/** The fields that have a value, for what may be left out but not be undefined. */
export function defined<T extends object>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** Walks down: the value at `path`, or undefined. */
export function at(parent: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((value, name) => (isFields(value) ? value[name] : undefined), parent);
}

/** Fields that are pointers in Go, where an empty text is a value: https://go.dev/tour/moretypes/1 */
const keptEmpty = /^(volumeMode|completionMode|podReplacementPolicy|internalTrafficPolicy|ipFamilyPolicy)$/;

/** Sets the fields of `defaults` that `target` does not have, in objects below it, too; an empty text is none. */
export function fill(target: Fields, defaults: Fields): void {
  for (const [name, value] of Object.entries(defaults)) {
    const there = target[name];
    if (isFields(there) && isFields(value)) fill(there, value);
    else if (value === undefined) continue;
    else if (there === '' && value !== '' && !keptEmpty.test(name)) target[name] = structuredClone(value);
    else target[name] ??= structuredClone(value);
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

/** A place in an object: its path, what stands there, and the object that it stands in. */
export interface Place {
  path: string;
  value: unknown;
  parent: Fields;
}

/**
 * The places that `pattern` names, e.g. `containers|initContainers[].env[].name`: `|` stands between alternatives, `[]`
 * for each item of a list. A field that is missing counts where the object around it is there; its value is undefined.
 * `from` is the path of `object` itself.
 */
export function placesOf(object: Fields, pattern: string, from = ''): Place[] {
  let places: Place[] = [{ path: from, value: object, parent: object }];
  for (const step of stepsOf(pattern)) {
    const next: Place[] = [];
    for (const { path, value } of places) if (isFields(value)) stepInto(value, path, step, next);
    if (next.length === 0) return next;
    places = next;
  }
  return places;
}

interface Step {
  names: readonly string[];
  ofList: boolean;
}

// Patterns come from tables and every write walks by all of its kind's, so each is read once.
const known = new Map<string, readonly Step[]>();

function stepsOf(pattern: string): readonly Step[] {
  const there = known.get(pattern);
  if (there !== undefined) return there;
  const texts = pattern === '' ? [] : pattern.split('.');
  const steps = texts.map((text) => {
    return { names: text.replace('[]', '').split('|'), ofList: text.endsWith('[]') };
  });
  known.set(pattern, steps);
  return steps;
}

function stepInto(parent: Fields, path: string, { names, ofList }: Step, into: Place[]): void {
  for (const name of names) {
    const value = parent[name];
    const below = path === '' ? name : `${path}.${name}`;
    if (!ofList) into.push({ path: below, value, parent });
    else if (Array.isArray(value)) {
      for (const [index, item] of value.entries())
        into.push({ path: `${below}[${index}]`, value: item, parent });
    }
  }
}
