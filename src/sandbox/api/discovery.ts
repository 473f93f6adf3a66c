import type { Kind } from '../kinds/kind.ts';
import { apiVersionOf } from '../kinds/kind.ts';

/** A kind that is only posted: nothing of it is stored. */
export interface ReviewKind {
  group: string;
  version: string;
  kind: string;
  plural: string;
}

const review = (group: string, kind: string): ReviewKind => ({
  group: `${group}.k8s.io`,
  version: 'v1',
  kind,
  plural: `${kind.toLowerCase()}s`,
});

/** Reviews that the sandbox answers. */
export const reviewKinds: readonly ReviewKind[] = [
  review('authentication', 'SelfSubjectReview'),
  review('authorization', 'SelfSubjectAccessReview'),
  review('authorization', 'SelfSubjectRulesReview'),
];

interface Resource {
  name: string;
  singularName: string;
  namespaced: boolean;
  kind: string;
  group?: string;
  version?: string;
  verbs: string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
}

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** Subresources that belong to one kind alone: their kind and verbs. */
const ownSubresources: Record<string, Omit<Resource, 'singularName' | 'namespaced'>[]> = {
  Pod: [
    { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
    { name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
    { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    { name: 'log', kind: 'Pod', verbs: ['get'] },
    { name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
  ],
  ServiceAccount: [
    { name: 'token', kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] },
  ],
  Namespace: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }],
};

function resourcesOf(kind: Kind): Resource[] {
  const { plural, singular, namespaced, shortNames, categories } = kind;
  const main: Resource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs: allVerbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
  const parts = kind.subresources.map((part) => ({
    name: part,
    verbs: ['get', 'patch', 'update'],
    ...(part === 'scale' ? { group: 'autoscaling', version: 'v1', kind: 'Scale' } : { kind: kind.kind }),
  }));
  const own = kind.group === '' ? (ownSubresources[kind.kind] ?? []) : [];
  const subresources = [...parts, ...own].map((part) => ({
    ...part,
    name: `${plural}/${part.name}`,
    singularName: '',
    namespaced,
  }));
  return [main, ...subresources];
}

interface GroupVersion {
  group: string;
  version: string;
}

/** Every group with its versions, in order; the core group is the first. */
function groupsOf(kinds: readonly Kind[]): Map<string, GroupVersion[]> {
  const groups = new Map<string, GroupVersion[]>();
  for (const { group, version } of [...kinds, ...reviewKinds]) {
    const versions = groups.get(group) ?? [];
    groups.set(group, versions);
    if (!versions.some((row) => row.version === version)) versions.push({ group, version });
  }
  return groups;
}

function resourcesIn(kinds: readonly Kind[], { group, version }: GroupVersion): Resource[] {
  const isHere = (kind: GroupVersion): boolean => kind.group === group && kind.version === version;
  const reviews = reviewKinds.filter(isHere).map(({ plural, kind }) => {
    return { name: plural, singularName: kind.toLowerCase(), namespaced: false, kind, verbs: ['create'] };
  });
  return [...kinds.filter(isHere).flatMap(resourcesOf), ...reviews];
}

/** `/apis/GROUP/VERSION` or `/api/v1`: APIResourceList; undefined when there is no such version. */
export function resourceList(kinds: readonly Kind[], version: GroupVersion): unknown {
  const resources = resourcesIn(kinds, version);
  if (resources.length === 0) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(version), resources };
}

/** `/apis/GROUP`: APIGroup; undefined when there is no such group. */
export function apiGroup(kinds: readonly Kind[], group: string): Record<string, unknown> | undefined {
  const versions = groupsOf(kinds)
    .get(group)
    ?.map((row) => ({ groupVersion: apiVersionOf(row), version: row.version }));
  return versions && { name: group, versions, preferredVersion: versions[0] };
}

/** `/apis`: APIGroupList. */
export function apiGroupList(kinds: readonly Kind[]): unknown {
  const names = [...groupsOf(kinds).keys()].filter((name) => name !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: names.map((name) => apiGroup(kinds, name)) };
}

function aggregatedResource(resource: Resource, of: GroupVersion, all: readonly Resource[]): unknown {
  const kindOf = ({ group = of.group, version = of.version, kind }: Resource): unknown => ({
    group,
    version,
    kind,
  });
  const prefix = `${resource.name}/`;
  const { name, singularName, namespaced, verbs, shortNames, categories } = resource;
  return {
    resource: name,
    responseKind: kindOf(resource),
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singularName,
    verbs,
    shortNames,
    categories,
    subresources: all
      .filter((row) => row.name.startsWith(prefix))
      .map((row) => ({
        subresource: row.name.slice(prefix.length),
        responseKind: kindOf(row),
        verbs: row.verbs,
      })),
  };
}

/** The media type of the answer of {@link aggregatedDiscovery}; kubectl knows it since 1.30. */
export const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Whether an Accept header names it. */
export function wantsAggregated(accept = ''): boolean {
  return accept.replaceAll(' ', '').includes(aggregatedType);
}

/** `/api` or `/apis` in one answer (APIGroupDiscoveryList), which saves clients a request a group. */
export function aggregatedDiscovery(kinds: readonly Kind[], root: 'api' | 'apis'): unknown {
  const groups = [...groupsOf(kinds)].filter(([group]) => (group === '') === (root === 'api'));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(([name, versions]) => ({
      metadata: { name, creationTimestamp: null },
      versions: versions.map((of) => {
        const all = resourcesIn(kinds, of);
        const main = all.filter((row) => !row.name.includes('/'));
        return {
          version: of.version,
          freshness: 'Current',
          resources: main.map((row) => aggregatedResource(row, of, all)),
        };
      }),
    })),
  };
}
