import type { Pod } from '../kubelet/pod-types.ts';
import type { Objects } from '../store/objects.ts';
import type { EndpointSlice, Service } from './service-types.ts';

const serviceNameLabel = 'kubernetes.io/service-name';
const clusterDomain = 'cluster.local';

/**
 * The hosts file of a pod: what cluster DNS would answer. A Service has its clusterIP, a headless one its ready
 * endpoints, by the names `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`, and `web` in its own namespace.
 */
export function renderHosts(objects: Objects, pod: Pod, ip: string): string {
  const { namespace = 'default', name } = pod.metadata;
  const { hostname = name, subdomain, hostAliases = [] } = pod.spec;
  const own =
    subdomain === undefined
      ? [hostname]
      : [`${hostname}.${subdomain}.${namespace}.svc.${clusterDomain}`, hostname];
  const lines = ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback', [ip, ...own].join(' ')];
  for (const alias of hostAliases) lines.push([alias.ip, ...(alias.hostnames ?? [])].join(' '));
  for (const service of objects.list<Service>('Service'))
    lines.push(...serviceLines(objects, service, namespace));
  return lines.join('\n') + '\n';
}

function serviceLines(objects: Objects, { metadata, spec }: Service, ofPod: string): string[] {
  const { name, namespace = 'default' } = metadata;
  const names = (prefix: string): string[] => {
    const short = `${prefix}${name}.${namespace}`;
    return [
      short,
      `${short}.svc`,
      `${short}.svc.${clusterDomain}`,
      ...(namespace === ofPod ? [`${prefix}${name}`] : []),
    ];
  };
  if (spec.clusterIP !== undefined && spec.clusterIP !== 'None' && spec.clusterIP !== '')
    return [[spec.clusterIP, ...names('')].join(' ')];
  const slices = objects.list<EndpointSlice>('EndpointSlice', {
    namespace,
    labels: { [serviceNameLabel]: name },
  });
  return slices.flatMap(({ endpoints }) =>
    (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .map(({ addresses, hostname }) =>
        [addresses[0], ...names(''), ...(hostname === undefined ? [] : names(`${hostname}.`))].join(' '),
      ),
  );
}
