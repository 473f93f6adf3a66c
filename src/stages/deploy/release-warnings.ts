import { isFields } from '../../base/fields.ts';
import { servicesOf } from '../../kubernetes/service-targets.ts';
import { isWorkload, type Workload } from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { containerWarnings } from './container-warnings.ts';

/** What of a workload can lose requests. */
export interface ReleaseWarning {
  object: KubernetesObject;
  /** The field that it is about, from the top of the object. */
  path: readonly (string | number)[];
  /** A line, with the remedy. */
  message: string;
}

/**
 * What in the manifests can lose requests during a release, one line for each workload and problem. Only pods that a
 * Service of the manifests picks are looked at: others get no requests. The manifests are never changed for it.
 * @param objects as the strategy prepares them
 * @param options `holds`: the strategy keeps old pods until new ones are ready, whatever the rollout's own fields say
 */
export function releaseWarnings(
  objects: readonly KubernetesObject[],
  { holds = false }: { holds?: boolean } = {},
): ReleaseWarning[] {
  return objects.flatMap((object) => {
    if (!isWorkload(object) || object.kind === 'Job') return [];
    const { template } = object.spec;
    const services = servicesOf(object, objects);
    if (services.length === 0 || template === undefined) return [];
    const name = `${object.kind} ${object.metadata.name}`;
    const ofPods = containerWarnings(template, services).map(({ path, message }) => ({
      path: ['spec', 'template', ...path],
      message: `${name}: ${message}`,
    }));
    const found = [
      recreates(object, name),
      holds || isScaled(object, objects) ? undefined : losesItsOnlyPod(object, name),
      ...ofPods,
    ];
    return found.flatMap((warning) => (warning === undefined ? [] : [{ object, ...warning }]));
  });
}

type Warning = Omit<ReleaseWarning, 'object'> | undefined;

function recreates({ kind, spec }: Workload, name: string): Warning {
  if (kind !== 'Deployment' || spec.strategy?.type !== 'Recreate') return undefined;
  return {
    path: ['spec', 'strategy', 'type'],
    message: `${name} has strategy Recreate: every release stops the old pods before the new ones start; take it out unless two versions must not run at once`,
  };
}

function losesItsOnlyPod({ kind, spec }: Workload, name: string): Warning {
  if (kind !== 'Deployment' || spec.replicas !== 1) return undefined;
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy?.rollingUpdate ?? {};
  // Of one pod Kubernetes rounds a share that may be missing down, one that may be added up, and lets one go if both are 0.
  const isKept = parseFloat(String(maxUnavailable)) < (isShare(maxUnavailable) ? 100 : 1);
  if (isKept && parseFloat(String(maxSurge)) > 0) return undefined;
  return {
    path: ['spec', 'replicas'],
    message: `${name} has one replica, maxSurge ${String(maxSurge)} and maxUnavailable ${String(maxUnavailable)}, so its pod may go before the new one is ready: set maxSurge: 1 and maxUnavailable: 0`,
  };
}

function isShare(count: number | string): boolean {
  return String(count).endsWith('%');
}

/** Whether an autoscaler among the objects says how many pods a workload has. */
function isScaled({ kind, metadata }: Workload, objects: readonly KubernetesObject[]): boolean {
  return objects.some(({ spec }) => {
    const target = isFields(spec) ? spec['scaleTargetRef'] : undefined;
    return isFields(target) && target['name'] === metadata.name && (target['kind'] ?? kind) === kind;
  });
}
