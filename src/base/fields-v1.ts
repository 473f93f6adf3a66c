import { isFields } from './fields.ts';

/**
 * The notation of `fieldsV1` in metadata.managedFields: a path is made of elements, `f:name` for a field,
 * `k:{"name":"web"}` for an item of a list by its keys, `v:"x"` for a member of a set, `i:0` for an item by its place.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */

/** Stands between the elements of a path; occurs in no name. */
export const separator = '\u0000';

/** `fieldsV1`: a field is `{}`, or has those below it; `.` says that it is a field itself, too. */
export interface FieldTree {
  [element: string]: FieldTree;
}

/** A path with one element more. */
export function joined(path: string, element: string): string {
  return path === '' ? element : `${path}${separator}${element}`;
}

/** The paths of a tree; what is none has none. */
export function readFieldsV1(tree: unknown, path = '', into = new Set<string>()): Set<string> {
  if (!isFields(tree)) return into;
  const below = Object.entries(tree).filter(([element]) => element !== '.');
  if (path !== '' && (below.length === 0 || '.' in tree)) into.add(path);
  for (const [element, child] of below) readFieldsV1(child, joined(path, element), into);
  return into;
}

/** The tree of paths. */
export function writeFieldsV1(paths: ReadonlySet<string>): FieldTree {
  const root: FieldTree = {};
  const members = new Set<FieldTree>();
  // What is above comes first, so a field that gets something below it is known to be one itself.
  for (const path of [...paths].sort()) {
    let node = root;
    for (const element of path.split(separator)) {
      if (members.has(node)) node['.'] ??= {};
      node = node[element] ??= {};
    }
    members.add(node);
  }
  return root;
}

/** A path as messages show it: `.spec.template.spec.containers[name="web"].image`. */
export function showPath(path: string): string {
  const show = (element: string): string => {
    const rest = element.slice(2);
    if (element.startsWith('f:')) return `.${rest}`;
    if (element.startsWith('v:')) return `[=${rest}]`;
    if (!element.startsWith('k:')) return `[${rest}]`;
    const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>);
    return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
  };
  return path.split(separator).map(show).join('');
}
