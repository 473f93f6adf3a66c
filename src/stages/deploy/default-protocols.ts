import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { containersOf, podTemplateOf } from '../../kubernetes/workload-objects.ts';

interface Port {
  protocol?: string;
}

/**
 * Writes `protocol: TCP`, the API's own default, where ports leave it out: it is part of the key by which server-side
 * apply tells ports apart, and API servers up to 1.20 answer 500 when it is missing
 * (https://github.com/kubernetes/kubernetes/issues/92332).
 */
export function withDefaultProtocols(object: KubernetesObject): KubernetesObject {
  const copy = structuredClone(object);
  const spec = copy['spec'] as { ports?: Port[] } | undefined;
  const ofService = copy.kind === 'Service' && copy.apiVersion === 'v1' ? (spec?.ports ?? []) : [];
  const ofContainers = containersOf(podTemplateOf(copy)).flatMap(
    (container) => (container['ports'] as Port[] | undefined) ?? [],
  );
  for (const port of [...ofService, ...ofContainers]) port.protocol ??= 'TCP';
  return copy;
}
