import type { Holding, SeenDeployment } from '../holding.ts';
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
  if (holding.isPreviewTaken)
    return {
      type: 'halt',
      reason: `Service ${holding.previewName} is not one that a release has made: give strategy.blueGreen.previewService another name`,
    };
  if (deployment === undefined) return applyAlone(now);
  if (!deployment.isObserved || deployment.live === undefined)
    return phaseMs < restMs
      ? pause(`${deployment.reference.name} not observed by its controller yet`)
      : applyAlone(now);
  const leftover = completeLeftover(now, deployment);
  if (leftover !== undefined) return leftover;
  if (isPlain(now, deployment)) return applyAlone(now);
  const { fields, live } = deployment;
  if (fields.paused === true) return { type: 'halt', reason: pausedMessage(deployment) };
  const unrest = unrestOf(holding, deployment);
  if (unrest !== undefined) return phaseMs < restMs ? pause(unrest) : { type: 'halt', reason: unrest };
  return pin(now, { stable: live.hash, before: deployment.mark?.before ?? fields });
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
  const own = deployment.mark?.before ?? deployment.fields;
  const toward = pinOf(holding.active) ?? stableHash(deployment);
  const step = completeRollout({ holding, toward, own, before: own, state });
  if (step?.type !== 'wait' || phaseMs < restMs) return step;
  // The pods that serve are those of the template: the rest does not keep their fix from being released.
  return toward === deployment.live?.hash ? undefined : step;
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
