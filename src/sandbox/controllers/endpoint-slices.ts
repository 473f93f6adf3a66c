import { sameJson } from '../../base/same-json.ts';
import type { StoredObject } from '../store/objects.ts';
import type { ControllerContext } from './controller.ts';
import { controllerRefTo, keyOf } from './ownership.ts';
import type { EndpointGroup, ServiceEndpoint } from './service-endpoints.ts';
import type { Service } from './workload-types.ts';

type EndpointSlice = StoredObject & { ports: unknown[]; endpoints: unknown[] };

/** The real controller's limit: more endpoints make more slices. */
const ENDPOINTS_PER_SLICE = 100;
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';

/** Makes a Service's EndpointSlices say what `groups` say, reusing those that are there. */
export function syncEndpointSlices(
  { objects }: ControllerContext,
  service: Service,
  groups: readonly EndpointGroup[],
): void {
  const { namespace = 'default', name } = service.metadata;
  const labels = {
    ...service.metadata.labels,
    ...(service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
    'kubernetes.io/service-name': name,
    [MANAGED_BY]: MANAGER,
  };
  const left = objects.list<EndpointSlice>('EndpointSlice', {
    namespace,
    labels: { 'kubernetes.io/service-name': name, [MANAGED_BY]: MANAGER },
  });
  for (const { ports, endpoints } of slicesOf(groups)) {
    const current = take(left, ports);
    if (current === undefined) {
      objects.create<EndpointSlice>({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          generateName: `${name}-`,
          namespace,
          labels,
          ownerReferences: [controllerRefTo(service)],
        },
        addressType: 'IPv4',
        ports,
        endpoints,
      });
    } else if (
      !sameJson([current.endpoints, current.ports, current.metadata.labels], [endpoints, ports, labels])
    ) {
      objects.modify<EndpointSlice>(keyOf(current), (stored) => {
        stored.metadata.labels = labels;
        stored.ports = ports;
        stored.endpoints = endpoints;
      });
    }
  }
  for (const surplus of left) objects.delete(keyOf(surplus));
}

/** Takes out of `slices` one with these ports or, failing that, any. */
function take(slices: EndpointSlice[], ports: readonly unknown[]): EndpointSlice | undefined {
  const same = slices.findIndex((slice) => sameJson(slice.ports, ports));
  return slices.splice(Math.max(same, 0), 1)[0];
}

/** At least one slice, so that a client can tell a Service without endpoints from one that was not looked at yet. */
function slicesOf(groups: readonly EndpointGroup[]): { ports: unknown[]; endpoints: unknown[] }[] {
  const slices = groups.flatMap(({ ports, endpoints }) =>
    Array.from({ length: Math.ceil(endpoints.length / ENDPOINTS_PER_SLICE) }, (_, index) => ({
      ports,
      endpoints: endpoints
        .slice(index * ENDPOINTS_PER_SLICE, (index + 1) * ENDPOINTS_PER_SLICE)
        .map(endpointOf),
    })),
  );
  return slices.length > 0 ? slices : [{ ports: [], endpoints: [] }];
}

function endpointOf({
  pod,
  ip,
  hostname,
  ready,
  serving,
  terminating,
}: ServiceEndpoint): Record<string, unknown> {
  const { name, namespace, uid } = pod.metadata;
  return {
    addresses: [ip],
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}
