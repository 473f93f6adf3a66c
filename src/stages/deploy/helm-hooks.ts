import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import type { Manifest } from './parse-manifests.ts';

const annotation = 'helm.sh/hook';

/** Moments of Helm that a release is: an object for one of them belongs to it. */
const releasing = new Set(['pre-install', 'post-install', 'pre-upgrade', 'post-upgrade', 'crd-install']);

/**
 * Leaves out what a rendered chart has for other moments than a release, as Helm does: its tests, which would fail
 * before the new pods are there, and what cleans up after a deletion or a rollback.
 * @param warn called for each that is left out
 */
export function withoutOtherHooks<M extends Manifest>(
  manifests: readonly M[],
  warn: (message: string) => void,
): M[] {
  return manifests.filter(({ object, location }) => {
    const moments = momentsOf(object);
    if (moments.length === 0 || moments.some((moment) => releasing.has(moment))) return true;
    const isTest = moments.every((moment) => moment.startsWith('test'));
    warn(
      `${location}: ${object.kind} ${object.metadata.name} is left out: it is a Helm hook for ${moments.join(', ')}` +
        (isTest ? '; test what was released with a verify stage' : ''),
    );
    return false;
  });
}

function momentsOf({ metadata }: KubernetesObject): string[] {
  const hook = metadata.annotations?.[annotation] ?? '';
  return hook.split(',').flatMap((moment) => (moment.trim() === '' ? [] : [moment.trim()]));
}
