import { defined } from '../../base/defined.ts';
import {
  ingressKind,
  ingressShare,
  unsplittableIngress,
  type Ingress,
} from '../../kubernetes/canary-ingress.ts';
import {
  acceptance,
  candidateShare,
  httpRouteKinds,
  unsplittable,
  withoutCandidate,
  type Backends,
  type HttpRoute,
} from '../../kubernetes/http-route.ts';
import { referenceOf } from '../../kubernetes/workload-objects.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { RouterParts, SeenRouter } from '../../strategies/holding.ts';
import { previewLabel } from '../record/release-record.ts';

/** The Services between which traffic is shared out, and whose release that is. */
interface Sharing extends Backends {
  namespace: string;
  application: string;
}

/** Milliseconds until ingress-nginx follows a change: it synchronizes about every three seconds, and says nothing of it. */
const ingressMs = 5000;

/** The router of two Services as it is now; undefined: it is not there, or the cluster does not serve its kind. */
export function observeRouter(
  { kind, name }: RouterParts,
  sharing: Sharing,
  cluster: Cluster,
  options: CallOptions,
): Promise<SeenRouter | undefined> {
  const observe = kind === 'Ingress' ? observeIngress : observeRoute;
  return observe(name, sharing, cluster, options);
}

async function observeRoute(
  name: string,
  { namespace, service, candidate }: Sharing,
  cluster: Cluster,
  options: CallOptions,
): Promise<SeenRouter | undefined> {
  const served = await cluster.firstServed(httpRouteKinds, options);
  if (served === undefined) return undefined;
  const { apiVersion, kind } = served;
  const route = await cluster.get<HttpRoute>({ apiVersion, kind, name, namespace }, options);
  if (route === undefined) return undefined;
  const { rules = [] } = route.spec;
  const { isInForce, problem } = acceptance(route);
  const backends = { service, candidate };
  return {
    reference: referenceOf({ ...route, apiVersion, kind }),
    resourceVersion: route.metadata.resourceVersion ?? '',
    share: candidateShare(rules, backends),
    isInForce,
    ...defined({ problem: unsplittable(withoutCandidate(rules, backends), service) ?? problem }),
  };
}

async function observeIngress(
  name: string,
  { namespace, service, candidate, application }: Sharing,
  cluster: Cluster,
  options: CallOptions,
): Promise<SeenRouter | undefined> {
  const read = (each: string) => cluster.get<Ingress>({ ...ingressKind, name: each, namespace }, options);
  const [main, canary] = await Promise.all([read(name), read(candidate)]);
  if (main === undefined) return undefined;
  const isTaken = canary !== undefined && canary.metadata.labels?.[previewLabel] !== application;
  const taken = isTaken ? `there is an Ingress ${candidate} that the release has not made` : undefined;
  return {
    reference: referenceOf({ ...main, ...ingressKind }),
    resourceVersion: main.metadata.resourceVersion ?? '',
    share: isTaken ? 'absent' : ingressShare(canary),
    ...{ isInForce: true, settleMs: ingressMs },
    ...defined({ problem: taken ?? unsplittableIngress(main, service) }),
  };
}
