import type { Pod, Workload } from '../../../src/kubernetes/workload-objects.ts';
import { readWorkload } from '../../../src/kubernetes/read-workload.ts';
import type { WorkloadState } from '../../../src/kubernetes/workload-state.ts';

const apiVersions: Partial<Record<string, string>> = { Job: 'batch/v1', Pod: 'v1' };

/** A workload named `web`, of generation 2, that its controller has observed. */
export function object(kind: string, spec: object, status: object, metadata: object = {}): Workload {
  return {
    apiVersion: apiVersions[kind] ?? 'apps/v1',
    kind,
    metadata: { name: 'web', namespace: 'shop', uid: `uid-${kind}`, generation: 2, ...metadata },
    spec,
    status: { observedGeneration: 2, ...status },
  } as unknown as Workload;
}

/** The state of a workload in a snapshot. */
export function look(
  workload: Workload | undefined,
  more: {
    replicaSets?: Workload[];
    pods?: Pod[];
    generation?: number;
    wasComplete?: boolean;
    kind?: string;
  } = {},
): WorkloadState {
  const { kind = 'Deployment', ...snapshot } = more;
  const reference = { apiVersion: apiVersions[kind] ?? 'apps/v1', kind, name: 'web', namespace: 'shop' };
  return readWorkload(reference, { workload, replicaSets: [], pods: [], generation: 0, ...snapshot });
}

/** Status of a pod that takes requests. */
export const ready = {
  conditions: [
    { type: 'Initialized', status: 'True' },
    { type: 'Ready', status: 'True' },
  ],
};

/** Status of a pod whose image has no valid name. */
export const broken = {
  containerStatuses: [{ name: 'web', state: { waiting: { reason: 'InvalidImageName' } } }],
};

/** A spec with the pod template of a version, by which a Deployment and its ReplicaSet are told to belong together. */
export function withTemplate(spec: object, version: number): object {
  const containers = [{ name: 'web', image: `web:${String(version)}` }];
  return { ...spec, template: { metadata: { labels: { app: 'web' } }, spec: { containers } } };
}
