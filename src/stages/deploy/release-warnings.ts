import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { isWorkload, type Workload } from '../../kubernetes/workload-objects.ts';

interface Service extends KubernetesObject {
  spec?: { selector?: Record<string, string> };
}

/**
 * What in the manifests can lose requests during a release, one line each. Only pods that a Service of the manifests
 * picks are looked at: others get no requests. The manifests are never changed for it.
 */
export function releaseWarnings(objects: readonly KubernetesObject[]): string[] {
  const services = objects.filter((object): object is Service => object.kind === 'Service');
  return objects.flatMap((object) => {
    if (!isWorkload(object) || object.kind === 'Job' || !isServed(object, services)) return [];
    return warningsOf(object);
  });
}

function warningsOf(workload: Workload): string[] {
  const name = `${workload.kind} ${workload.metadata.name}`;
  const warnings: string[] = [];
  if (workload.kind === 'Deployment' && workload.spec.strategy?.type === 'Recreate') {
    warnings.push(
      `${name} has strategy Recreate: every release stops the old pods before the new ones start`,
    );
  }
  const containers = workload.spec.template?.spec.containers ?? [];
  if (containers.length > 0 && !containers.some((container) => container.readinessProbe !== undefined)) {
    warnings.push(
      `${name}: no container has a readinessProbe, so pods get requests before they can answer: add one (httpGet on a path that answers 200 when the application is up)`,
    );
  }
  if (containers.length > 0 && !containers.some((container) => container.lifecycle?.preStop !== undefined)) {
    warnings.push(
      `${name}: no container has a preStop hook, so a stopping pod may still get requests: add lifecycle.preStop.exec.command: ["sleep", "5"]`,
    );
  }
  return warnings;
}

function isServed(workload: Workload, services: readonly Service[]): boolean {
  const labels = workload.spec.template?.metadata?.labels ?? {};
  return services.some((service) => {
    const selector = Object.entries(service.spec?.selector ?? {});
    const sameNamespace = service.metadata.namespace === workload.metadata.namespace;
    return sameNamespace && selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
  });
}
