import type { Inventory } from '../controllers/inventory.ts';
import { readyEndpoints } from '../network/service-types.ts';
import type { EndpointSlice, Service } from '../network/service-types.ts';
import type { Filter, Share } from './table.ts';

/** A port of a Service, by its number or its name. */
export interface Backend {
  namespace: string;
  service: string;
  port: number | string | undefined;
  weight: number;
  filters: readonly Filter[];
}

const serviceNameLabel = 'kubernetes.io/service-name';

/** How a backend is called in answers and messages. */
export const nameOfBackend = ({ namespace, service, port }: Omit<Backend, 'weight' | 'filters'>): string =>
  `${namespace}/${service}:${String(port)}`;

/** A share for a Service's port with the pods that are ready now, or with why there is no such port. */
export function shareOf(cluster: Inventory, backend: Backend): Share {
  const { namespace, service: name, port, weight, filters } = backend;
  const share = { name: nameOfBackend(backend), weight, filters };
  const service = cluster.get<Service>({ kind: 'Service', namespace, name });
  if (service === undefined) return { ...share, target: { state: 'invalid', why: 'no such Service' } };
  const served = service.spec.ports?.find((one) => one.port === port || one.name === port);
  if (served === undefined) return { ...share, target: { state: 'invalid', why: 'no such port' } };
  const labels = { [serviceNameLabel]: name };
  const slices = cluster.list<EndpointSlice>('EndpointSlice', { namespace, labels });
  return { ...share, target: { state: 'known', endpoints: readyEndpoints(slices, served.name ?? '') } };
}
