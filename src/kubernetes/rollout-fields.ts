import { defined } from '../base/defined.ts';
import { sameJson } from '../base/same-json.ts';
import type { PatchOperation } from '../ports/cluster.ts';
import type { PodTemplate, Workload } from './workload-objects.ts';

/** The fields of a Deployment by which its rollout is held and completed. */
export interface RolloutFields {
  minReadySeconds?: number;
  progressDeadlineSeconds?: number;
  paused?: boolean;
  maxSurge?: number | string;
  maxUnavailable?: number | string;
}

/**
 * A held rollout: new pods come beside the old ones and never become available, so that the Deployment controller
 * removes no old pod for them. The API wants a deadline that is greater than `minReadySeconds`.
 */
export const heldFields: RolloutFields = {
  minReadySeconds: 31_536_000,
  progressDeadlineSeconds: 2_147_483_647,
  paused: false,
  maxSurge: '100%',
  maxUnavailable: 0,
};

/** The rollout fields of a Deployment as it is, or as a manifest has it. */
export function rolloutFieldsOf({ spec }: Workload): RolloutFields {
  const { minReadySeconds, progressDeadlineSeconds, paused, strategy } = spec;
  const { maxSurge, maxUnavailable } = strategy?.rollingUpdate ?? {};
  return defined({ minReadySeconds, progressDeadlineSeconds, paused, maxSurge, maxUnavailable });
}

/** A rollout that is completed: with times of its own, and without ever taking a pod away before another is available. */
export function completingFields(own: RolloutFields): RolloutFields {
  return { ...own, paused: false, maxSurge: '100%', maxUnavailable: 0 };
}

/** Whether a Deployment is held: its new pods do not become available. */
export function isHeld({ minReadySeconds = 0 }: RolloutFields): boolean {
  return minReadySeconds >= (heldFields.minReadySeconds ?? 0);
}

/** Whether two sets of fields mean the same; a time or a pause that is missing is none. */
export function sameRollout(left: RolloutFields, right: RolloutFields): boolean {
  return sameJson(withDefaults(left), withDefaults(right));
}

/** A Deployment of a manifest with these fields instead of its own. */
export function withRolloutFields(deployment: Workload, fields: RolloutFields): Workload {
  const {
    minReadySeconds: _,
    progressDeadlineSeconds: _deadline,
    paused: _paused,
    ...spec
  } = deployment.spec;
  return {
    ...deployment,
    spec: { ...spec, ...timesOf(fields), strategy: strategyOf(fields) },
  };
}

/** The operations that give a live Deployment these fields, and a template where one is given. */
export function rolloutPatch(
  live: Workload,
  fields: RolloutFields,
  template: PodTemplate | undefined,
): PatchOperation[] {
  const present = live.spec as Record<string, unknown>;
  const wanted: Record<string, unknown> = timesOf(fields);
  const operations = timeNames.flatMap((name): PatchOperation[] => {
    if (sameJson(present[name], wanted[name])) return [];
    const path = `/spec/${name}`;
    return wanted[name] === undefined ? [{ op: 'remove', path }] : [{ op: 'add', path, value: wanted[name] }];
  });
  const strategy = strategyOf(fields);
  if (!sameJson(live.spec.strategy, strategy))
    operations.push({ op: 'add', path: '/spec/strategy', value: strategy });
  if (template !== undefined && !sameJson(live.spec.template, template))
    operations.push({ op: 'replace', path: '/spec/template', value: template });
  return operations;
}

const timeNames = ['minReadySeconds', 'progressDeadlineSeconds', 'paused'] as const;

function timesOf({ minReadySeconds, progressDeadlineSeconds, paused }: RolloutFields) {
  return defined({ minReadySeconds, progressDeadlineSeconds, paused });
}

function strategyOf({ maxSurge, maxUnavailable }: RolloutFields): NonNullable<Workload['spec']['strategy']> {
  return { type: 'RollingUpdate', rollingUpdate: defined({ maxSurge, maxUnavailable }) };
}

function withDefaults({ minReadySeconds = 0, paused = false, ...rest }: RolloutFields): RolloutFields {
  return { minReadySeconds, paused, ...rest };
}
