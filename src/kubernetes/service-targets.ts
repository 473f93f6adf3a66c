import { isFields } from '../base/fields.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { podTemplateOf, type Container, type PodTemplate } from './workload-objects.ts';

/** A Service as far as it says where its requests go. */
export interface Service extends KubernetesObject {
  spec?: {
    selector?: Record<string, string>;
    ports?: readonly { port?: unknown; targetPort?: unknown }[];
    publishNotReadyAddresses?: unknown;
  };
}

/**
 * The Services among objects whose requests go to the pods of a workload. Those that publish pods which are not ready are
 * for the pods to find each other, not for requests.
 */
export function servicesOf(workload: KubernetesObject, objects: readonly KubernetesObject[]): Service[] {
  const labels = podTemplateOf(workload)?.metadata?.labels ?? {};
  return objects.filter((object): object is Service => {
    if (object.kind !== 'Service' || object.apiVersion !== 'v1') return false;
    const { selector = {}, publishNotReadyAddresses } = (object as Service).spec ?? {};
    const wanted = Object.entries(selector);
    const isNear = object.metadata.namespace === workload.metadata.namespace;
    const selects = wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
    return isNear && selects && publishNotReadyAddresses !== true;
  });
}

/** The containers that ports of Services reach; undefined where the ports do not tell which of several it is. */
export function reachedContainers(
  template: PodTemplate,
  services: readonly Service[],
): Container[] | undefined {
  const serving = servingContainers(template);
  if (serving.length === 1) return serving;
  const targets = services.flatMap(({ spec }) => spec?.ports ?? []);
  const reached = serving.filter((container) =>
    targets.some(({ port, targetPort = port }) => listens(container, targetPort)),
  );
  return reached.length === 0 ? undefined : reached;
}

/** Whether a container runs beside the others of its pod for as long as they do, though it is among the init containers. */
export function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always';
}

function servingContainers({ spec }: PodTemplate): Container[] {
  return [...(spec.initContainers ?? []).filter(isSidecar), ...spec.containers];
}

function listens({ ports }: Container, target: unknown): boolean {
  const declared: unknown[] = Array.isArray(ports) ? ports : [];
  return declared.some(
    (port) => isFields(port) && (port['name'] === target || port['containerPort'] === target),
  );
}
