import * as z from '../../../base/zod.ts';

const Terminated = z.object({
  exitCode: z._default(z.number(), 0),
  reason: z.optional(z.string()),
  message: z.optional(z.string()),
  signal: z.optional(z.number()),
});

const ContainerState = z.object({
  waiting: z.optional(z.object({ reason: z.optional(z.string()), message: z.optional(z.string()) })),
  running: z.optional(z.object({})),
  terminated: z.optional(Terminated),
});

const ContainerStatus = z.object({
  name: z.string(),
  ready: z._default(z.boolean(), false),
  image: z._default(z.string(), ''),
  state: z._default(ContainerState, {}),
  restartCount: z._default(z.number(), 0),
  lastState: z.optional(z.object({ terminated: z.optional(Terminated) })),
});

const PodSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z._default(z.string(), ''),
    uid: z._default(z.string(), ''),
    deletionTimestamp: z.optional(z.string()),
    deletionGracePeriodSeconds: z.optional(z.number()),
    labels: z._default(z.record(z.string(), z.string()), {}),
  }),
  spec: z._default(
    z.object({
      nodeName: z.optional(z.string()),
      initContainers: z.nullish(
        z.array(z.object({ name: z.string(), restartPolicy: z.optional(z.string()) })),
      ),
      containers: z._default(
        z.array(
          z.object({
            name: z.string(),
            image: z._default(z.string(), ''),
            volumeMounts: z.nullish(z.array(z.object({ mountPath: z.string() }))),
            resources: z.optional(z.object({ limits: z.optional(z.record(z.string(), z.coerce.string())) })),
          }),
        ),
        [],
      ),
    }),
    { containers: [] },
  ),
  status: z._default(
    z.object({
      phase: z._default(z.string(), 'Pending'),
      reason: z.optional(z.string()),
      message: z.optional(z.string()),
      conditions: z.nullish(
        z.array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.optional(z.string()),
            message: z.optional(z.string()),
          }),
        ),
      ),
      initContainerStatuses: z.nullish(z.array(ContainerStatus)),
      containerStatuses: z.nullish(z.array(ContainerStatus)),
    }),
    { phase: 'Pending' },
  ),
});

const EventSchema = z.object({
  type: z._default(z.string(), 'Normal'),
  reason: z._default(z.string(), ''),
  message: z._default(z.string(), ''),
  count: z.nullish(z.number()),
  series: z.nullish(z.object({ count: z.optional(z.number()) })),
  involvedObject: z.object({
    uid: z._default(z.string(), ''),
    name: z._default(z.string(), ''),
    fieldPath: z._default(z.string(), ''),
  }),
});

/** A pod, as far as its fate is read from it. */
export type PodView = z.infer<typeof PodSchema>;
export type ContainerView = z.infer<typeof ContainerStatus>;
/** An event about a pod. */
export interface PodEvent {
  type: string;
  reason: string;
  message: string;
  count: number;
  /** The part of the pod: `spec.containers{NAME}`; empty: the pod as a whole. */
  fieldPath: string;
}

/** Reads a pod as the API gives it. */
export function parsePod(object: unknown): PodView {
  return PodSchema.parse(object);
}

/** Reads an event and the uid of what it is about. */
export function parsePodEvent(object: unknown): PodEvent & { uid: string } {
  const { type, reason, message, count, series, involvedObject } = EventSchema.parse(object);
  const { uid, fieldPath } = involvedObject;
  return { type, reason, message, count: series?.count ?? count ?? 1, uid, fieldPath };
}

/** Whether a container is a sidecar: an init container that the kubelet restarts whenever it ends (1.28 and later). */
export function isSidecar({ spec }: PodView, container: string): boolean {
  return spec.initContainers?.some((c) => c.name === container && c.restartPolicy === 'Always') === true;
}

/** All containers' states, those of init containers first. */
export function containersOf(pod: PodView): ContainerView[] {
  return [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
}
