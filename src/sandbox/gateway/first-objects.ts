import { defined } from '../../base/defined.ts';
import { at, child, items } from '../kinds/fields.ts';
import { parseApiVersion } from '../kinds/kind.ts';
import type { Service } from '../network/service-types.ts';
import type { NewObject, Objects, StoredObject } from '../store/objects.ts';
import { controllerName, gatewayGroup } from './conditions.ts';

const namespace = 'kube-system';
const name = 'sandbox';
/** The Service, and its slice, by which pods reach the gateway. */
const serviceName = 'sandbox-gateway';
const gatewayKey = { kind: 'Gateway', group: gatewayGroup, namespace, name };

/** The port that the gateway had before, so that copied addresses keep working; 0 when it had none. */
export function earlierPort(objects: Objects): number {
  const gateway = objects.get(gatewayKey);
  return Number(items(child(gateway ?? {}, 'spec'), 'listeners')[0]?.['port'] ?? 0);
}

/**
 * Makes what is missing of the objects that are there from the start, and tells them the proxy's port. Returns the address
 * under which the host and every pod reach the proxy at its port: that of a Service.
 */
export function makeFirstObjects(objects: Objects, port: number): string {
  const apiVersion = `${gatewayGroup}/v1`;
  const listeners = [
    { name: 'http', protocol: 'HTTP', port, allowedRoutes: { namespaces: { from: 'All' } } },
  ];
  ensure(objects, {
    apiVersion,
    kind: 'GatewayClass',
    metadata: { name },
    spec: { controllerName, description: 'the gateway of the sandbox' },
  });
  ensure(objects, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'nginx' },
    spec: { controller: controllerName },
  });
  const gateway = { apiVersion, kind: 'Gateway', metadata: { namespace, name } };
  ensure(objects, { ...gateway, spec: { gatewayClassName: name, listeners } });
  if (earlierPort(objects) !== port)
    objects.modify(gatewayKey, (stored) => {
      stored.spec = { ...(stored.spec as object), listeners };
    });
  return ensureService(objects, port);
}

function ensureService(objects: Objects, port: number): string {
  const metadata = { namespace, name: serviceName };
  const ports = [{ name: 'http', port, protocol: 'TCP', targetPort: port }];
  const spec = { type: 'ClusterIP', ports };
  const service = ensure(objects, { apiVersion: 'v1', kind: 'Service', metadata, spec }) as Service;
  const labels = { 'kubernetes.io/service-name': serviceName };
  const slice = {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    ports: [{ name: 'http', port, protocol: 'TCP' }],
  };
  const identity = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };
  ensure(objects, { ...identity, metadata: { ...metadata, labels }, ...slice });
  if (at(service.spec.ports?.[0], 'port') !== port) {
    objects.modify<Service>({ kind: 'Service', ...metadata }, (stored) => (stored.spec.ports = ports));
    objects.modify({ kind: 'EndpointSlice', ...metadata }, (stored) => Object.assign(stored, slice));
  }
  return service.spec.clusterIP ?? '127.0.0.1';
}

function ensure(objects: Objects, given: NewObject): StoredObject {
  const object = given as StoredObject;
  const { kind, metadata } = object;
  const { name: own, namespace: place } = metadata;
  const { group } = parseApiVersion(object.apiVersion);
  return objects.get({ kind, group, name: own, ...defined({ namespace: place }) }) ?? objects.create(object);
}
