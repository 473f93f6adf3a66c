import { sameJson } from '../../base/same-json.ts';
import type { StoredObject } from '../store/objects.ts';
import { itself, nameOf, type Controller, type ControllerContext, type ObjectName } from './controller.ts';
import { mapMatches } from './selectors.ts';
import { syncEndpointSlices } from './endpoint-slices.ts';
import { groupEndpoints, type EndpointGroup, type ServiceEndpoint } from './service-endpoints.ts';
import type { Pod, Service } from './workload-types.ts';

type Endpoints = StoredObject & { subsets?: unknown[] };

/** Keeps Endpoints and EndpointSlices of every Service that has a selector; those without one are their user's. */
export function endpointsController(context: ControllerContext): Controller {
  const { objects } = context;
  return {
    name: 'endpoints-controller',
    watches: {
      Service: itself,
      Pod: servicesOf,
      Endpoints: (endpoints, deleted) => (deleted ? [nameOf(endpoints)] : []),
      EndpointSlice: (slice, deleted) => {
        const name = slice.metadata.labels?.['kubernetes.io/service-name'];
        const { namespace } = slice.metadata;
        return deleted && name !== undefined && namespace !== undefined ? [{ namespace, name }] : [];
      },
    },
    reconcile: (target) => {
      const service = objects.get<Service>({ kind: 'Service', group: '', ...target });
      if (service === undefined) removeEndpoints(context, target);
      else if (service.spec?.selector !== undefined && service.metadata.deletionTimestamp === undefined) {
        syncService(context, service, service.spec.selector);
      }
      return undefined;
    },
  };

  function servicesOf(pod: StoredObject): ObjectName[] {
    const { namespace, labels } = pod.metadata;
    if (namespace === undefined) return [];
    return objects
      .list<Service>('Service', { namespace })
      .filter(({ spec }) => spec?.selector !== undefined && mapMatches(spec.selector, labels))
      .map(nameOf);
  }
}

/** Endpoints carry no owner: they go with the Service of their name. */
function removeEndpoints({ objects }: ControllerContext, target: ObjectName): void {
  const key = { kind: 'Endpoints', group: '', ...target };
  if (objects.get(key)?.metadata.annotations?.[CHANGED_AT] !== undefined) objects.delete(key);
}

/** On every Endpoints object that is the controller's own. */
const CHANGED_AT = 'endpoints.kubernetes.io/last-change-trigger-time';

function syncService(context: ControllerContext, service: Service, selector: Record<string, string>): void {
  const { namespace = 'default' } = service.metadata;
  const pods = context.objects.list<Pod>('Pod', { namespace, labels: selector });
  const groups = groupEndpoints(service, pods);
  syncEndpointSlices(context, service, groups);
  syncEndpoints(context, service, groups);
}

function syncEndpoints(
  { objects, now }: ControllerContext,
  service: Service,
  groups: readonly EndpointGroup[],
): void {
  const { namespace = 'default', name } = service.metadata;
  const subsets = groups.map(subsetOf).filter((subset) => subset !== undefined);
  const labels: Record<string, string> = {
    ...service.metadata.labels,
    ...(service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
  };
  const current = objects.get<Endpoints>({ kind: 'Endpoints', group: '', namespace, name });
  const annotations = { [CHANGED_AT]: new Date(now()).toISOString() };
  if (current === undefined) {
    const metadata = { name, namespace, labels, annotations };
    objects.create<Endpoints>({
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata,
      ...(subsets.length > 0 ? { subsets } : {}),
    });
    return;
  }
  const same = sameJson(withoutVersions(current.subsets ?? []), withoutVersions(subsets));
  if (same && sameJson(current.metadata.labels ?? {}, labels)) return;
  objects.modify<Endpoints>({ kind: 'Endpoints', group: '', namespace, name }, (stored) => {
    stored.metadata.labels = labels;
    stored.metadata.annotations = { ...stored.metadata.annotations, ...annotations };
    if (subsets.length > 0) stored.subsets = subsets;
    else delete stored.subsets;
  });
}

/** A pod that only got a newer resourceVersion is no new endpoint. */
function withoutVersions(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, part: unknown) => (key === 'resourceVersion' ? undefined : part)),
  );
}

/** A subset has no pods that are ending. */
function subsetOf({ ports, endpoints }: EndpointGroup): Record<string, unknown> | undefined {
  const live = endpoints.filter(({ terminating }) => !terminating);
  const ready = live.filter((endpoint) => endpoint.ready).map(addressOf);
  const notReady = live.filter((endpoint) => !endpoint.ready).map(addressOf);
  if (live.length === 0) return undefined;
  return {
    ...(ready.length > 0 ? { addresses: ready } : {}),
    ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
    ...(ports.length > 0
      ? { ports: ports.map(({ name, ...port }) => (name === '' ? port : { name, ...port })) }
      : {}),
  };
}

function addressOf({ pod, ip, hostname }: ServiceEndpoint): Record<string, unknown> {
  const { name, namespace, uid, resourceVersion } = pod.metadata;
  return {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid, resourceVersion },
  };
}
