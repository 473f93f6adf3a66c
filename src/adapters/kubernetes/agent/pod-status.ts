import * as z from 'zod';

const ContainerState = z.object({
  waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).optional(),
  running: z.object({}).optional(),
  terminated: z
    .object({
      exitCode: z.number().default(0),
      reason: z.string().optional(),
      message: z.string().optional(),
      signal: z.number().optional(),
    })
    .optional(),
});

const ContainerStatus = z.object({
  name: z.string(),
  ready: z.boolean().default(false),
  image: z.string().default(''),
  state: ContainerState.default({}),
});

const PodSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string().default(''),
    uid: z.string().default(''),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  spec: z
    .object({
      nodeName: z.string().optional(),
      containers: z
        .array(
          z.object({
            name: z.string(),
            image: z.string().default(''),
            resources: z.object({ limits: z.record(z.string(), z.coerce.string()).optional() }).optional(),
          }),
        )
        .default([]),
    })
    .default({ containers: [] }),
  status: z
    .object({
      phase: z.string().default('Pending'),
      reason: z.string().optional(),
      message: z.string().optional(),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
          }),
        )
        .nullish(),
      initContainerStatuses: z.array(ContainerStatus).nullish(),
      containerStatuses: z.array(ContainerStatus).nullish(),
    })
    .default({ phase: 'Pending' }),
});

const EventSchema = z.object({
  type: z.string().default('Normal'),
  reason: z.string().default(''),
  message: z.string().default(''),
  count: z.number().nullish(),
  series: z.object({ count: z.number().optional() }).nullish(),
  involvedObject: z.object({
    uid: z.string().default(''),
    name: z.string().default(''),
    fieldPath: z.string().default(''),
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

/** All containers' states, those of init containers first. */
export function containersOf(pod: PodView): ContainerView[] {
  return [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
}
