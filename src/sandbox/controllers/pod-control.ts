import type { StoredObject } from '../store/objects.ts';
import { itself, type Controller, type ControllerContext } from './controller.ts';
import { controllerRefTo, keyOf, ownersConcerned } from './ownership.ts';
import type { WorkResult } from './work-queue.ts';
import type { Pod, PodTemplate } from './workload-types.ts';

/** A controller of workloads of one kind: it looks at one when that changes, or a pod that it owns or may adopt. */
// Callers say which type that kind has.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export function workloadController<Owner extends StoredObject>(
  { objects }: ControllerContext,
  { kind, group, component }: { kind: string; group: string; component: string },
  reconcile: (owner: Owner) => WorkResult,
): Controller {
  return {
    name: component,
    watches: { [kind]: itself, Pod: (pod) => ownersConcerned(objects, kind, pod) },
    reconcile: (target) => {
      const owner = objects.get<Owner>({ kind, group, ...target });
      return owner === undefined ? undefined : reconcile(owner);
    },
  };
}

/** What a controller lays over its pod template for one pod. */
export interface PodOverlay {
  /** A fixed name; otherwise the owner's name and a random end. */
  name?: string;
  labels?: Record<string, string>;
  spec?: Record<string, unknown>;
}

/**
 * Makes a pod from a template and says so in an event of the owner; a refusal becomes a FailedCreate event and is
 * thrown on.
 */
export function createPod(
  context: ControllerContext,
  owner: StoredObject,
  template: PodTemplate,
  { component, overlay = {} }: { component: string; overlay?: PodOverlay },
): Pod {
  const { namespace, name } = owner.metadata;
  const labels = { ...template.metadata?.labels, ...overlay.labels };
  const annotations = template.metadata?.annotations;
  try {
    const pod = context.objects.create<Pod>({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...(overlay.name === undefined ? { generateName: `${name}-` } : { name: overlay.name }),
        ...(namespace === undefined ? {} : { namespace }),
        labels,
        ...(annotations === undefined ? {} : { annotations }),
        ownerReferences: [controllerRefTo(owner)],
      },
      spec: { ...template.spec, ...overlay.spec },
    });
    const message =
      owner.kind === 'StatefulSet'
        ? `create Pod ${pod.metadata.name} in StatefulSet ${name} successful`
        : `Created pod: ${pod.metadata.name}`;
    context.events.record(owner, { type: 'Normal', reason: 'SuccessfulCreate', message, component });
    return pod;
  } catch (error) {
    const message = `Error creating: ${error instanceof Error ? error.message : String(error)}`;
    context.events.record(owner, { type: 'Warning', reason: 'FailedCreate', message, component });
    throw error;
  }
}

/** Deletes a pod and says so in an event of the owner; nothing happens when it is gone already. */
export function deletePod(
  context: ControllerContext,
  owner: StoredObject,
  pod: Pod,
  component: string,
): void {
  if (!context.objects.delete(keyOf(pod), { preconditions: { uid: pod.metadata.uid } })) return;
  const message =
    owner.kind === 'StatefulSet'
      ? `delete Pod ${pod.metadata.name} in StatefulSet ${owner.metadata.name} successful`
      : `Deleted pod: ${pod.metadata.name}`;
  context.events.record(owner, { type: 'Normal', reason: 'SuccessfulDelete', message, component });
}
