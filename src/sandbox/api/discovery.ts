import type { Kind } from '../kinds/kind.ts';
import { apiVersionOf } from '../kinds/kind.ts';

/** A kind that is only posted: nothing of it is stored. */
export interface ReviewKind {
  group: string;
  version: string;
  kind: string;
  plural: string;
  namespaced: boolean;
}

const review = (group: string, kind: string, namespaced = false): ReviewKind => ({
  group: `${group}.k8s.io`,
  version: 'v1',
  kind,
  plural: `${kind.toLowerCase()}s`,
  namespaced,
});

/** Reviews that the sandbox answers. */
export const reviewKinds: readonly ReviewKind[] = [
  review('authentication', 'TokenReview'),
  review('authentication', 'SelfSubjectReview'),
  review('authorization', 'SelfSubjectAccessReview'),
  review('authorization', 'SelfSubjectRulesReview'),
  review('authorization', 'SubjectAccessReview'),
  review('authorization', 'LocalSubjectAccessReview', true),
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
function groupVersions(kinds: readonly Kind[]): GroupVersion[] {
  const all = new Map<string, GroupVersion>();
  for (const { group, version } of [...kinds, ...reviewKinds]) {
    all.set(apiVersionOf({ group, version }), { group, version });
  }
  return [...all.values()];
}

/** `/apis/GROUP/VERSION` or `/api/v1`: APIResourceList; undefined when there is no such version. */
export function resourceList(kinds: readonly Kind[], { group, version }: GroupVersion): unknown {
  const own = kinds.filter((kind) => kind.group === group && kind.version === version);
  const reviews = reviewKinds.filter((kind) => kind.group === group && kind.version === version);
  if (own.length + reviews.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group, version }),
    resources: [
      ...own.flatMap(resourcesOf),
      ...reviews.map(({ plural, kind, namespaced }) => ({
        name: plural,
        singularName: kind.toLowerCase(),
        namespaced,
        kind,
        verbs: ['create'],
      })),
    ],
  };
}

/** `/apis/GROUP`: APIGroup; undefined when there is no such group. */
export function apiGroup(kinds: readonly Kind[], group: string): Record<string, unknown> | undefined {
  const versions = groupVersions(kinds)
    .filter((row) => row.group === group)
    .map((row) => ({ groupVersion: apiVersionOf(row), version: row.version }));
  return versions.length === 0 ? undefined : { name: group, versions, preferredVersion: versions[0] };
}

/** `/apis`: APIGroupList. */
export function apiGroupList(kinds: readonly Kind[]): unknown {
  const names = new Set(groupVersions(kinds).map(({ group }) => group));
  names.delete('');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...names].map((name) => apiGroup(kinds, name)) };
}

/** `/api`: APIVersions of the core group. */
export function coreVersions(address: string): unknown {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

function aggregatedResource(resource: Resource, gv: GroupVersion, all: readonly Resource[]): unknown {
  const kindOf = (row: Resource): unknown => ({
    group: row.group ?? gv.group,
    version: row.version ?? gv.version,
    kind: row.kind,
  });
  const prefix = `${resource.name}/`;
  return {
    resource: resource.name,
    responseKind: kindOf(resource),
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singularName,
    verbs: resource.verbs,
    ...(resource.shortNames === undefined ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories === undefined ? {} : { categories: resource.categories }),
    subresources: all
      .filter((row) => row.name.startsWith(prefix))
      .map((row) => ({
        subresource: row.name.slice(prefix.length),
        responseKind: kindOf(row),
        verbs: row.verbs,
      })),
  };
}

/** Versions of the aggregated answer, which differ by their name alone. */
export type AggregatedVersion = 'v2' | 'v2beta1';

/**
 * The version of the aggregated answer that a client wants: the first one that its Accept header names. kubectl 1.26 to
 * 1.29 knows v2beta1 alone, and takes any other for an answer without resources.
 */
export function aggregatedVersion(accept: string | undefined): AggregatedVersion | undefined {
  const wanted = accept?.replaceAll(' ', '') ?? '';
  const found =
    /(?:^|,)application\/json;g=apidiscovery\.k8s\.io;v=(v2|v2beta1);as=APIGroupDiscoveryList/.exec(wanted);
  return found?.[1] as AggregatedVersion | undefined;
}

/** `/api` or `/apis` in one answer (APIGroupDiscoveryList), which saves clients a request a group. */
export function aggregatedDiscovery(
  kinds: readonly Kind[],
  root: 'api' | 'apis',
  version: AggregatedVersion,
): unknown {
  const versions = groupVersions(kinds).filter(({ group }) => (group === '') === (root === 'api'));
  const groups = [...new Set(versions.map(({ group }) => group))];
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versions
        .filter((row) => row.group === group)
        .map((gv) => {
          const { resources } = resourceList(kinds, gv) as { resources: Resource[] };
          return {
            version: gv.version,
            freshness: 'Current',
            resources: resources
              .filter((row) => !row.name.includes('/'))
              .map((row) => aggregatedResource(row, gv, resources)),
          };
        }),
    })),
  };
}
