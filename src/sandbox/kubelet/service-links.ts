import type { Service } from '../network/service-types.ts';
import type { Objects } from '../store/objects.ts';

/**
 * The variables of the namespace's Services:
 * kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
 */
export function serviceLinks(objects: Objects, namespace: string): Record<string, string> {
  const links: Record<string, string> = {};
  for (const { metadata, spec } of objects.list<Service>('Service', { namespace })) {
    const { clusterIP, ports = [] } = spec;
    const [first] = ports;
    if (clusterIP === undefined || clusterIP === 'None' || first === undefined) continue;
    const prefix = metadata.name.toUpperCase().replaceAll('-', '_');
    links[`${prefix}_SERVICE_HOST`] = clusterIP;
    links[`${prefix}_SERVICE_PORT`] = String(first.port);
    links[`${prefix}_PORT`] = `tcp://${clusterIP}:${first.port}`;
    for (const { name, port, protocol = 'TCP' } of ports) {
      if (name !== undefined)
        links[`${prefix}_SERVICE_PORT_${name.toUpperCase().replaceAll('-', '_')}`] = String(port);
      links[`${prefix}_PORT_${port}_${protocol}`] = `${protocol.toLowerCase()}://${clusterIP}:${port}`;
      links[`${prefix}_PORT_${port}_${protocol}_ADDR`] = clusterIP;
      links[`${prefix}_PORT_${port}_${protocol}_PORT`] = String(port);
      links[`${prefix}_PORT_${port}_${protocol}_PROTO`] = protocol.toLowerCase();
    }
  }
  return links;
}
