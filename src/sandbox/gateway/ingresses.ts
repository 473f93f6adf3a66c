import type { Fields } from '../../base/fields.ts';
import type { Inventory } from '../controllers/inventory.ts';
import { at, child, items, text } from '../kinds/fields.ts';
import type { StoredObject } from '../store/objects.ts';
import { shareOf } from './backends.ts';
import { canaryOf, isCanary } from './canary.ts';
import { controllerName } from './conditions.ts';
import { anyHost } from './hosts.ts';
import type { StatusInputs } from './listeners.ts';
import type { PlacedRow } from './placed-row.ts';
import { placed } from './placed-row.ts';
import { pathPrefix } from './read-matches.ts';
import type { PathMatch, Row, Share } from './table.ts';

/** What becomes of the Ingresses of the sandbox's classes. */
export interface IngressPlan {
  rows: PlacedRow[];
  statuses: { object: StoredObject; status: Fields }[];
}

/** A path of an Ingress with the Service behind it. */
interface IngressPath {
  host: string;
  path: PathMatch;
  share: Share;
}

/** Plans all Ingresses: a row for each path of those without canary; canaries join the row of their host and path. */
export function planIngresses(cluster: Inventory, { address }: StatusInputs): IngressPlan {
  const classes = new Set(
    cluster
      .list('IngressClass')
      .filter(({ spec }) => at(spec, 'controller') === controllerName)
      .map(({ metadata }) => metadata.name),
  );
  const own = cluster.list('Ingress').filter((ingress) => classes.has(classOf(ingress) ?? ''));
  const canaries = own
    .filter(isCanary)
    .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1))
    .flatMap((ingress) => pathsOf(ingress, cluster).map((path) => ({ ingress, ...path })));
  const rows = own
    .filter((ingress) => !isCanary(ingress))
    .flatMap((ingress) =>
      pathsOf(ingress, cluster).flatMap(({ host, path, share }, index) => {
        const split = { key: `${ingress.metadata.uid}/${index}`, shares: [share] };
        const canary = canaries.find(
          (one) =>
            one.ingress.metadata.namespace === ingress.metadata.namespace &&
            one.host === host &&
            one.path.type === path.type &&
            one.path.value === path.value,
        );
        const row: Row = { match: { path, headers: [], query: [] }, filters: [], split };
        if (canary !== undefined) row.canary = canaryOf(canary.ingress, canary.share, split);
        return placed(ingress, host, [row]);
      }),
    );
  const status = { loadBalancer: { ingress: [{ ip: address }] } };
  return { rows, statuses: own.map((object) => ({ object, status })) };
}

/** The class of an Ingress; the annotation is how it was named before there was the field. */
function classOf({ spec, metadata }: StoredObject): string | undefined {
  const named = at(spec, 'ingressClassName');
  return typeof named === 'string' ? named : metadata.annotations?.['kubernetes.io/ingress.class'];
}

function pathsOf(ingress: StoredObject, cluster: Inventory): IngressPath[] {
  const spec = child(ingress, 'spec');
  const { namespace = 'default' } = ingress.metadata;
  const ofRules = items(spec, 'rules').flatMap((rule) =>
    items(child(rule, 'http'), 'paths').map((fields) => ({ host: text(rule, 'host') || anyHost, fields })),
  );
  const fallback = child(spec, 'defaultBackend');
  const all = [
    ...ofRules,
    ...(fallback === undefined ? [] : [{ host: anyHost, fields: { backend: fallback } }]),
  ];
  return all.flatMap(({ host, fields }) => {
    const service = child(child(fields, 'backend'), 'service');
    if (service === undefined) return [];
    const { number, name } = child(service, 'port') ?? {};
    const port = typeof number === 'number' ? number : typeof name === 'string' ? name : undefined;
    const backend = { namespace, service: text(service, 'name') ?? '', port, weight: 1, filters: [] };
    return [{ host: host.toLowerCase(), path: pathOf(fields), share: shareOf(cluster, backend) }];
  });
}

/** `ImplementationSpecific` is a prefix, as it is for ingress-nginx. */
function pathOf(fields: Fields): PathMatch {
  const value = text(fields, 'path') || '/';
  return fields['pathType'] === 'Exact' ? { type: 'Exact', value } : pathPrefix(value);
}
