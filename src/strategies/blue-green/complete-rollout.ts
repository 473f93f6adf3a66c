import { completingFields, sameRollout, type RolloutFields } from '../../kubernetes/rollout-fields.ts';
import type { Holding, SeenDeployment, SeenReplicaSet } from '../holding.ts';
import type { Decision } from '../strategy.ts';
import type { BlueGreenState } from './state.ts';
import { pinOf, unpin } from './traffic.ts';

/** How the rollout of a held Deployment is completed. */
export interface Completion {
  holding: Holding;
  /** Hash of the pods that shall be left. */
  toward: string | undefined;
  /** The rollout fields that the Deployment has at rest. */
  own: RolloutFields;
  /** As it is written while the old pods go. */
  before: RolloutFields;
  state: BlueGreenState;
}

type BlueGreenDecision = Decision<BlueGreenState>;

/** Milliseconds between two looks while pods go. */
const lookMs = 300;

/** The ReplicaSets beside one that have pods, or are to have some. */
export function othersOf({ sets }: SeenDeployment, one: SeenReplicaSet | undefined): SeenReplicaSet[] {
  return sets.filter(({ name, wanted, present }) => name !== one?.name && (wanted > 0 || present > 0));
}

/**
 * Completes the rollout of a held Deployment, from wherever it stands, until it has the pods of one ReplicaSet alone: the
 * controller removes a pod of the others only for an available one. Then the Service is the team's own again, and the
 * Deployment. The Service is unpinned before the Deployment gets its own fields back, and when no other pods are left.
 * @returns undefined when the rollout is complete and nothing of the release is left
 */
export function completeRollout(completion: Completion): BlueGreenDecision | undefined {
  const { holding, state } = completion;
  const { deployment, active, preview } = holding;
  const moving = deployment === undefined ? undefined : removeOthers(deployment, completion);
  if (moving !== undefined) return moving;
  if (active !== undefined && pinOf(active) !== undefined)
    return {
      type: 'act',
      action: unpin(holding),
      next: state,
      message: `unpinning ${active.reference.name}`,
    };
  if (deployment?.mark !== undefined) return restore(deployment, completion);
  if (preview === undefined || state.isPreviewRemoved === true) return undefined;
  return {
    type: 'act',
    action: { type: 'removePreview', service: preview.reference },
    next: { ...state, isPreviewRemoved: true },
    message: `removing Service ${preview.reference.name}`,
  };
}

/** The next step until the Deployment has no other pods; undefined: it has none. */
function removeOthers(
  deployment: SeenDeployment,
  { toward, own, before, state }: Completion,
): BlueGreenDecision | undefined {
  const { reference, resourceVersion, live, mark, fields } = deployment;
  const target = deployment.sets.find(({ hash }) => hash === toward) ?? live;
  if (target === undefined || (mark === undefined && live?.name === target.name)) return undefined;
  if (live?.name !== target.name || !sameRollout(fields, completingFields(own))) {
    const guard = { type: 'rollout', deployment: reference, resourceVersion, before } as const;
    return {
      type: 'act',
      action: { ...guard, fields: completingFields(own), replicaSet: target.name, step: 'completing' },
      next: state,
      message: `completing the rollout of ${reference.name} with the pods of ${target.name}`,
    };
  }
  if (!deployment.isObserved)
    return { type: 'wait', forMs: lookMs, message: 'the controller is about to see it' };
  const [other] = othersOf(deployment, target);
  if (other === undefined) return undefined;
  const message = `${target.name} has ${String(target.ready)} ready pods, ${other.name} still has ${String(other.present)}`;
  return { type: 'wait', forMs: lookMs, message };
}

/** Gives a Deployment its own fields back, and takes its mark off. */
function restore(
  { reference, resourceVersion }: SeenDeployment,
  { own, before, state }: Completion,
): BlueGreenDecision {
  return {
    type: 'act',
    action: { type: 'rollout', deployment: reference, resourceVersion, fields: own, before },
    next: state,
    message: `${reference.name} has its own rollout fields again`,
  };
}
