import type { Fields } from '../../base/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import { apiVersionOf, subresources } from '../kinds/kind.ts';

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** The rows of an APIResourceList for a kind: itself and its subresources. */
function resourcesOf(row: Kind): Fields[] {
  const { kind, plural, singular, namespaced, shortNames, categories, isReview } = row;
  const main = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: isReview ? ['create'] : allVerbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
  const parts = row.subresources.map((part) => {
    return { name: `${plural}/${part}`, singularName: '', namespaced, kind, ...subresources[part] };
  });
  return [main, ...parts];
}

/** `/apis/GROUP/VERSION` or `/api/v1`: APIResourceList; undefined when there is no such version. */
export function resourceList(kinds: readonly Kind[], groupVersion: string): unknown {
  const resources = kinds.filter((kind) => apiVersionOf(kind) === groupVersion).flatMap(resourcesOf);
  if (resources.length === 0) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

/** `/apis/GROUP`: APIGroup; undefined when there is no such group. */
export function apiGroup(kinds: readonly Kind[], group: string): Fields | undefined {
  const versions = new Set(kinds.filter((kind) => kind.group === group).map(({ version }) => version));
  if (versions.size === 0) return undefined;
  const rows = [...versions].map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { kind: 'APIGroup', apiVersion: 'v1', name: group, versions: rows, preferredVersion: rows[0] };
}

/** `/apis`: APIGroupList, without the core group. */
export function apiGroupList(kinds: readonly Kind[]): Fields {
  const names = new Set(kinds.map(({ group }) => group).filter((group) => group !== ''));
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...names].map((name) => apiGroup(kinds, name)) };
}
