import { defined } from '../../base/defined.ts';
import { unsplittableIngress, type Ingress } from '../../kubernetes/canary-ingress.ts';
import { unsplittable, type HttpRoute } from '../../kubernetes/http-route.ts';
import { nameOf, referenceOf } from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import type { CanarySettings, CanaryTraffic } from '../canary/settings.ts';
import { deploymentsOf } from '../held/refusals.ts';
import type { HeldParts, RouterParts } from '../holding.ts';
import { pinnedServices, serviceRefusals, type ServiceSettings } from '../pinned/services.ts';
import type { Refusal } from '../strategy.ts';

/** Where the file names the Services of a canary release. */
export const serviceSettings: ServiceSettings = {
  strategy: 'canary',
  active: 'strategy.canary.traffic.service',
  preview: 'strategy.canary.traffic.candidateService',
};

const suffix = '-canary';

/** The router that the file names. */
export function routerOf({ traffic }: CanarySettings): RouterParts | undefined {
  if (traffic === undefined) return undefined;
  const { httpRoute, ingress, testerHeader: tester } = traffic;
  const { name } = httpRoute ?? ingress ?? { name: '' };
  return { kind: httpRoute === undefined ? 'Ingress' : 'HTTPRoute', name, ...defined({ tester }) };
}

/** `HTTPRoute web` */
export function routerName(settings: CanarySettings): string {
  const { kind, name } = routerOf(settings) ?? { kind: 'router', name: '' };
  return `${kind} ${name}`;
}

/** What of a release's objects is held, and by what its traffic is shared out; undefined where they are refused. */
export function routedParts(
  objects: readonly KubernetesObject[],
  settings: CanarySettings,
  traffic: CanaryTraffic,
): HeldParts | undefined {
  const [deployment] = deploymentsOf(objects);
  if (deployment === undefined) return undefined;
  const services = pinnedServices(deployment, objects, { named: namedIn(traffic), suffix });
  if (services === undefined) return undefined;
  return { deployment, ...services, ...defined({ router: routerOf(settings) }) };
}

/** What of the Services and of the route keeps the traffic from being shared out, and why. */
export function trafficRefusals(
  objects: readonly KubernetesObject[],
  settings: CanarySettings,
  traffic: CanaryTraffic,
): Refusal[] {
  const [deployment] = deploymentsOf(objects);
  if (deployment === undefined) return [];
  const asked = { named: namedIn(traffic), suffix, names: serviceSettings };
  const refusals = serviceRefusals(deployment, objects, asked);
  const service = pinnedServices(deployment, objects, asked)?.service.metadata.name;
  const router = routerOf(settings);
  const found = objects.find(({ kind, metadata }) => kind === router?.kind && metadata.name === router.name);
  if (found === undefined || service === undefined) return refusals;
  const reason =
    router?.kind === 'Ingress'
      ? unsplittableIngress(found as Ingress, service)
      : unsplittable((found as HttpRoute).spec.rules ?? [], service);
  if (reason === undefined) return refusals;
  return [
    ...refusals,
    {
      object: found,
      field: 'spec.rules',
      message: `canary cannot share out the traffic of ${nameOf(referenceOf(found))}: it ${reason}`,
      hint: `let a rule of it have Service ${service} as a backend`,
    },
  ];
}

function namedIn({ service, candidateService }: CanaryTraffic) {
  return { active: service, preview: candidateService };
}
