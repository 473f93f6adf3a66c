import type { ErrorSubject } from '../api/status-error.ts';

/** A part of an object with a path of its own. */
export type Subresource = keyof typeof subresources;

const readAndWrite = ['get', 'patch', 'update'];
const stream = ['create', 'get'];

/** Every subresource: its verbs, and its type where that is another than the object's. */
export const subresources = {
  status: { verbs: readAndWrite },
  scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: readAndWrite },
  log: { verbs: ['get'] },
  exec: { kind: 'PodExecOptions', verbs: stream },
  attach: { kind: 'PodAttachOptions', verbs: stream },
  portforward: { kind: 'PodPortForwardOptions', verbs: stream },
  eviction: { kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
  token: { kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] },
  finalize: { verbs: ['update'] },
};

/** A kind that the sandbox stores: a row of the table, or one made by a CustomResourceDefinition. */
export interface Kind {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  subresources: readonly Subresource[];
  /** It is only posted: nothing of it is stored. */
  isReview: boolean;
  /** metadata.generation counts changes of the spec. */
  hasGeneration: boolean;
  /** A PUT creates it when it is not there, whatever resourceVersion is given (`AllowCreateOnUpdate` of Kubernetes). */
  isCreatedByPut: boolean;
  /** The type that describes the fields (`kinds/model.ts`); undefined where nothing is known of them. */
  model: string | undefined;
  /** It is served as one that a CustomResourceDefinition makes: without strategic merge patches, for example. */
  isCustom: boolean;
  /** Told by a `Warning:` header when such an object is created or changed: what the sandbox does not do with it. */
  warning: string | undefined;
}

/** `apps/v1`, or `v1` in the core group. */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

/** The parts of an apiVersion. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** A stored object in the version of `kind`; versions of a custom kind differ in nothing but their names. */
export function inVersion<O extends { apiVersion: string }>(kind: Kind, object: O): O {
  const apiVersion = apiVersionOf(kind);
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

/** How errors name the kind. */
export function subjectOf(kind: Kind): ErrorSubject {
  return { group: kind.group, resource: kind.plural, kind: kind.kind };
}
