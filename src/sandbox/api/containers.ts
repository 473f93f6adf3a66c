import { at, child, items } from '../kinds/fields.ts';
import type { Objects } from '../store/objects.ts';
import { badRequest, notFound } from './status-error.ts';

/**
 * Checks what a request to a pod's container names, before the kubelet is asked.
 * @throws StatusError NotFound for the pod, BadRequest for the container or a pod that no node has taken.
 */
export function checkContainer(
  objects: Objects,
  key: { namespace: string; pod: string },
  container: string,
  subresource: string,
): void {
  const pod = objects.get({ kind: 'Pod', group: '', namespace: key.namespace, name: key.pod });
  if (pod === undefined) throw notFound({ group: '', resource: 'pods', kind: 'Pod' }, key.pod);
  const spec = child(pod, 'spec');
  if (at(spec, 'nodeName') === undefined) throw badRequest(`pod ${key.pod} does not have a host assigned`);
  if (subresource === 'portforward') return;
  const names = (list: string): unknown[] => items(spec, list).map((row) => row['name']);
  const own = names('containers');
  const all = [...own, ...names('initContainers'), ...names('ephemeralContainers')];
  if (container === '' && own.length > 1) {
    throw badRequest(
      `a container name must be specified for pod ${key.pod}, choose one of: [${own.join(' ')}]`,
    );
  }
  if (container !== '' && !all.includes(container)) {
    throw badRequest(`container ${container} is not valid for pod ${key.pod}`);
  }
}
