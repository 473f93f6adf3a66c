import { parseDuration } from '../../base/duration.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { isWorkload, type Workload } from '../../kubernetes/workload-objects.ts';
import type { RollingSettings } from './settings.ts';

/**
 * Writes the settings of `strategy.rolling` into Deployments. Where neither they nor the manifest say how many pods
 * may be missing, none may: Kubernetes' own default (25 %) loses capacity during every release. Everything else stays
 * as the manifest has it; `Recreate` stays too.
 */
export function withRollingUpdate(
  objects: readonly KubernetesObject[],
  settings: RollingSettings,
): KubernetesObject[] {
  return objects.map((object) =>
    isWorkload(object) && object.kind === 'Deployment' ? deployment(object, settings) : object,
  );
}

function deployment(object: Workload, settings: RollingSettings): Workload {
  const { strategy } = object.spec;
  const deadline = settings.progressDeadline;
  const spec: Workload['spec'] = {
    ...object.spec,
    ...(deadline === undefined ? {} : { progressDeadlineSeconds: Math.ceil(parseDuration(deadline) / 1000) }),
  };
  if (strategy?.type === 'Recreate') return { ...object, spec };
  const manifest = strategy?.rollingUpdate ?? {};
  const maxUnavailable = settings.maxUnavailable ?? manifest.maxUnavailable ?? 0;
  const surge = settings.maxSurge ?? manifest.maxSurge ?? '25%';
  // Both zero is refused by the API: nothing could ever be replaced.
  const maxSurge = isZero(maxUnavailable) && isZero(surge) ? 1 : surge;
  return {
    ...object,
    spec: {
      ...spec,
      strategy: { type: 'RollingUpdate', rollingUpdate: { ...manifest, maxSurge, maxUnavailable } },
    },
  };
}

function isZero(count: number | string): boolean {
  return count === 0 || count === '0' || count === '0%';
}
