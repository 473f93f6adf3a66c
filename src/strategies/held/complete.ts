import { completingFields, sameRollout, type RolloutFields } from '../../kubernetes/rollout-fields.ts';
import type { SeenDeployment, SeenReplicaSet } from '../holding.ts';
import type { Decision, StrategyState } from '../strategy.ts';

/** How the rollout of a held Deployment is completed. */
export interface Completion<State extends StrategyState> {
  /** Hash of the pods that shall be left. */
  toward: string | undefined;
  /** The rollout fields that the Deployment has at rest. */
  own: RolloutFields;
  /** As it is written while the old pods go. */
  before: RolloutFields;
  /** `maxSurge` while new pods come; default 100%. */
  surge?: number | string;
  /** false: that the release completes it has not been saved yet; default true. */
  isBegun?: boolean;
  state: State;
}

/** Milliseconds between two looks while pods go. */
const lookMs = 300;

/** The ReplicaSets beside one that have pods, or are to have some. */
export function othersOf({ sets }: SeenDeployment, one: SeenReplicaSet | undefined): SeenReplicaSet[] {
  return sets.filter(({ name, wanted, present }) => name !== one?.name && (wanted > 0 || present > 0));
}

/** Hash of the pods that a Deployment is completed with, where the release that held it is not known. */
export function stableHash(deployment: SeenDeployment | undefined): string | undefined {
  return deployment?.mark?.stable ?? deployment?.live?.hash;
}

/**
 * The next step until a held Deployment has the pods of one ReplicaSet alone: its controller removes a pod of the others
 * only for an available one.
 * @returns undefined when it has no others
 */
export function removeOthers<State extends StrategyState>(
  deployment: SeenDeployment,
  { toward, own, before, surge, isBegun = true, state }: Completion<State>,
): Decision<State> | undefined {
  const { reference, resourceVersion, live, mark, fields } = deployment;
  const target = deployment.sets.find(({ hash }) => hash === toward) ?? live;
  if (target === undefined || (mark === undefined && live?.name === target.name)) return undefined;
  const wanted = { ...completingFields(own), ...(surge === undefined ? {} : { maxSurge: surge }) };
  if (!isBegun || live?.name !== target.name || !sameRollout(fields, wanted)) {
    const guard = { type: 'rollout', deployment: reference, resourceVersion, before } as const;
    return {
      type: 'act',
      action: { ...guard, fields: wanted, replicaSet: target.name, step: 'completing' },
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
export function restoreFields<State extends StrategyState>(
  { reference, resourceVersion }: SeenDeployment,
  { own, before, state }: Completion<State>,
): Decision<State> {
  return {
    type: 'act',
    action: { type: 'rollout', deployment: reference, resourceVersion, fields: own, before },
    next: state,
    message: `${reference.name} has its own rollout fields again`,
  };
}
