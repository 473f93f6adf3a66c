import type { ErrorSubject } from '../api/status-error.ts';

/** A part of an object with a path of its own that reads or writes only that part. */
export type Subresource = 'status' | 'scale';

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
  /** metadata.generation counts changes of the spec. */
  hasGeneration: boolean;
  /** The type in @kubernetes/client-node that describes the fields; undefined for custom kinds. */
  model: string | undefined;
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
