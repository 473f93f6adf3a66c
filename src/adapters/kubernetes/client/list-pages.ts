import type { Selection, ServedKind } from '../../../ports/cluster.ts';
import { ClusterError } from '../../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import { selectors } from './call-parameters.ts';
import { describe, queryOf, resourcePath } from './paths.ts';

/** Objects a page of a list. */
const pageSize = 500;
const mostRestarts = 3;

/** A page of a list as the API answers it. */
export interface ListPage {
  items?: KubernetesObject[];
  metadata: { resourceVersion?: string; continue?: string };
}

/** The objects of a collection and the version at which a watch continues. */
export interface Listing<O> {
  objects: O[];
  resourceVersion: string;
}

/**
 * Reads page after page at one version; begins again when the server no longer keeps that version (410).
 * @throws ClusterError as `send` does.
 */
export async function listAllPages<O extends KubernetesObject>(
  send: (call: { method: 'GET'; path: string; what: string }) => Promise<ListPage>,
  kind: ServedKind,
  selection: Selection,
): Promise<Listing<O>> {
  const what = describe('list', kind, selection);
  const base = resourcePath(kind, { namespace: selection.namespace });
  let objects: O[] = [];
  let token: string | undefined;
  for (let restarts = 0; ;) {
    const path = base + queryOf({ ...selectors(selection), limit: pageSize, continue: token });
    try {
      const page = await send({ method: 'GET', path, what });
      const { apiVersion } = kind;
      for (const item of page.items ?? []) objects.push({ ...item, apiVersion, kind: kind.kind } as O);
      token = page.metadata.continue;
      if (token === undefined || token === '') {
        return { objects, resourceVersion: page.metadata.resourceVersion ?? '' };
      }
    } catch (error) {
      if (!(error instanceof ClusterError) || error.status !== 410 || restarts >= mostRestarts) throw error;
      restarts += 1;
      objects = [];
      token = undefined;
    }
  }
}
