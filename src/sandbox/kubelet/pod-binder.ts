import { timestamp } from '../store/timestamp.ts';
import type { RecordedEvent } from '../controllers/events.ts';
import type { Objects } from '../store/objects.ts';
import type { Configuration } from './pod-configuration.ts';
import { nodeLabels } from './node-object.ts';
import type { Pod } from './pod-types.ts';
import { nodeCapacity, nodeName, whyUnschedulable } from './scheduler.ts';

/** Writes an event of a pod. */
export type RecordPodEvent = (pod: Pod, event: RecordedEvent) => void;

/** The scheduler: binds pods to the one node, or writes why they wait. */
export class PodBinder {
  readonly #objects: Objects;
  readonly #configuration: Configuration;
  readonly #record: RecordPodEvent;
  readonly #node = { labels: nodeLabels(), capacity: nodeCapacity(), unschedulable: false };

  constructor(objects: Objects, configuration: Configuration, record: RecordPodEvent) {
    this.#objects = objects;
    this.#configuration = configuration;
    this.#record = record;
  }

  /** Looks again at all pods that wait for a node. */
  bindWaiting(): void {
    for (const pod of this.#objects.list<Pod>('Pod')) if (pod.spec.nodeName === undefined) this.bind(pod);
  }

  /** Binds a pod that has no node. */
  bind(pod: Pod): void {
    if ((pod.spec.schedulerName ?? 'default-scheduler') !== 'default-scheduler') return;
    if ((pod.spec.schedulingGates ?? []).length > 0) return;
    const refused = whyUnschedulable(pod, this.#node) ?? this.#configuration.missingClaim(pod);
    if (refused !== undefined) {
      this.#writeUnschedulable(pod, refused);
      return;
    }
    const { namespace = 'default', name, uid } = pod.metadata;
    this.#objects.modify<Pod>({ kind: 'Pod', namespace, name }, (found) => {
      if (found.metadata.uid === uid) found.spec.nodeName = nodeName;
    });
    this.#record(pod, {
      component: 'default-scheduler',
      type: 'Normal',
      reason: 'Scheduled',
      message: `Successfully assigned ${namespace}/${name} to ${nodeName}`,
    });
  }

  #writeUnschedulable(pod: Pod, message: string): void {
    const { namespace = 'default', name } = pod.metadata;
    const before = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (before?.message === message) return;
    this.#record(pod, {
      component: 'default-scheduler',
      type: 'Warning',
      reason: 'FailedScheduling',
      message,
    });
    const condition = {
      type: 'PodScheduled',
      status: 'False' as const,
      reason: 'Unschedulable',
      message,
      lastProbeTime: null,
      lastTransitionTime: timestamp(Date.now()),
    };
    this.#objects.modify<Pod>(
      { kind: 'Pod', namespace, name },
      (found) => void (found.status = { ...found.status, phase: 'Pending', conditions: [condition] }),
      'status',
    );
  }
}
