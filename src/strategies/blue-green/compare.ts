import type { Holding, SeenDeployment, SeenReplicaSet } from '../holding.ts';
import { decideRolling } from '../rolling/decide.ts';
import type { BlueGreenDecision, HoldingInput } from './input.ts';
import { othersOf, stableHash } from '../held/complete.ts';
import { completeRollout } from './complete-rollout.ts';
import { pinned, pinOf, selectPods, unpinned } from './traffic.ts';

/** Milliseconds for what an earlier release has left, or a rollout by others, to come to rest. */
const restMs = 60_000;
const lookMs = 500;

/**
 * Decides how a release begins: what an earlier one has left is completed; where no pod changes, or none is
 * there, the objects are applied and no more; else the Service is pinned to the pods that serve.
 */
export function compare(now: HoldingInput): BlueGreenDecision {
  const { holding, phaseMs } = now;
  const { deployment } = holding;
  const notObserved = `${holding.manifest.deployment.name} not observed by its controller yet`;
  if (holding.isPreviewTaken)
    return {
      type: 'halt',
      reason: `Service ${holding.previewName} is not one that a release has made: give strategy.blueGreen.previewService another name`,
    };
  if (deployment === undefined) return applyAlone(now);
  const leftover = completeLeftover(now, deployment);
  if (leftover !== undefined) return leftover;
  const { live } = deployment;
  if (!deployment.isObserved || live === undefined)
    return phaseMs < restMs ? pause(notObserved) : applyAlone(now);
  return isPlain(now, deployment) ? applyAlone(now) : beginHold(now, deployment, live);
}

/** Pins the Service, as soon as the Deployment is at rest. */
function beginHold(now: HoldingInput, deployment: SeenDeployment, live: SeenReplicaSet): BlueGreenDecision {
  const { holding, phaseMs } = now;
  const { fields, mark } = deployment;
  if (fields.paused === true && mark === undefined)
    return { type: 'halt', reason: pausedMessage(deployment) };
  const unrest = unrestOf(holding, deployment);
  if (unrest !== undefined) return phaseMs < restMs ? pause(unrest) : { type: 'halt', reason: unrest };
  return pin(now, { stable: live.hash, before: mark?.before ?? fields });
}

/** Whether there is nothing to hold: no pod that serves, or none that changes. */
function isPlain({ release, holding }: HoldingInput, { desired }: SeenDeployment): boolean {
  const { changesPods, manifest } = holding;
  return release.stable === undefined || changesPods !== true || desired === 0 || manifest.replicas === 0;
}

function pin(
  { holding }: HoldingInput,
  hold: { stable: string; before: SeenDeployment['fields'] },
): BlueGreenDecision {
  const { active, manifest } = holding;
  const selector = unpinned(active?.selector ?? manifest.selector);
  return {
    type: 'act',
    action: selectPods(holding, pinned(selector, hold.stable)),
    next: { phase: 'pinned', hold: { ...hold, selector } },
    message: `pinning Service ${manifest.service.name} to the pods that serve`,
  };
}

/** The next step of completing what an earlier release has left; undefined: nothing is left, or it can stay. */
function completeLeftover(now: HoldingInput, deployment: SeenDeployment): BlueGreenDecision | undefined {
  const { holding, state, phaseMs } = now;
  const { live, mark, isObserved } = deployment;
  // A held Deployment is paused: for a template that somebody has given it no ReplicaSet is made.
  if (!isObserved || (live ?? mark) === undefined) return undefined;
  const own = mark?.before ?? deployment.fields;
  const toward = pinOf(holding.active) ?? stableHash(deployment);
  const step = completeRollout({ holding, toward, own, before: own, state });
  if (step?.type !== 'wait' || phaseMs < restMs) return step;
  // The pods that serve are those of the template: the rest does not keep their fix from being released.
  return toward === live?.hash ? undefined : step;
}

/** Why a Deployment whose pods change cannot be held as it is. */
function unrestOf({ active }: Holding, deployment: SeenDeployment): string | undefined {
  const { name } = deployment.reference;
  const { live } = deployment;
  const isPinned = live !== undefined && pinOf(active) === live.hash;
  const [other] = othersOf(deployment, live);
  if (other !== undefined && !isPinned)
    return `Deployment ${name} is in the middle of a rollout (${other.name} has pods): wait for its end, or release once with strategy: {rolling: {}}`;
  const foreign = Object.keys(active?.endpoints ?? {}).filter((hash) => hash !== live?.hash);
  if (foreign.length > 0)
    return `Service ${String(active?.reference.name)} has endpoints that are no pods of Deployment ${name}, which would be lost: let its selector match the pods of ${name} alone`;
  return undefined;
}

function pausedMessage({ reference: { name } }: SeenDeployment): string {
  return `Deployment ${name} is paused: kubectl rollout resume deployment/${name} continues it`;
}

function pause(message: string): BlueGreenDecision {
  return { type: 'wait', forMs: lookMs, message };
}

/** As rolling does from its begin. */
function applyAlone(now: HoldingInput): BlueGreenDecision {
  return decideRolling({ ...now, settings: {}, state: { phase: 'applying' } });
}
