import type { Holding, SeenDeployment, SeenReplicaSet } from '../holding.ts';
import { othersOf, restoreFields, stableHash } from '../held/complete.ts';
import { decideRolling } from '../rolling/decide.ts';
import type { RollingState } from '../rolling/state.ts';
import type { Decision } from '../strategy.ts';
import { completeRollout } from './complete.ts';
import { pinned, pinOf, selectPods, unpinned } from './pin.ts';
import type { ServiceSettings } from './services.ts';
import type { PinnedHold, PinnedInput, PinnedState } from './state.ts';

/** What of a strategy its begin depends on. */
interface BeginSettings extends ServiceSettings {
  /** Why its traffic cannot be moved yet; missing: it can. */
  unready?: string;
}

type BeginDecision<State extends PinnedState> = Decision<State | RollingState>;

/** Milliseconds for what an earlier release has left, or a rollout by others, to come to rest. */
const restMs = 60_000;
const lookMs = 500;

/**
 * Decides how a release begins: what an earlier one has left is completed; where no pod changes, or none is
 * there, the objects are applied and no more; else the Service is pinned to the pods that serve.
 */
export function begin<State extends PinnedState>(
  now: PinnedInput<State>,
  names: BeginSettings,
): BeginDecision<State> {
  const { holding, phaseMs } = now;
  const { deployment } = holding;
  const notObserved = `${holding.manifest.deployment.name} not observed by its controller yet`;
  if (deployment === undefined)
    return holding.isPreviewTaken ? previewTaken(holding, names) : applyAlone(now);
  const { hold } = now.state;
  // A template that somebody has given what this release has paused, with its mark taken off, would never get a ReplicaSet.
  if (hold !== undefined && deployment.live === undefined && isPausedUnmarked(deployment))
    return restoreFields(deployment, {
      toward: undefined,
      own: hold.before,
      before: hold.before,
      state: now.state,
    });
  const leftover = isPinning(now, deployment, names) ? undefined : completeLeftover(now, deployment);
  if (leftover !== undefined) return leftover;
  if (holding.isPreviewTaken) return previewTaken(holding, names);
  const { live } = deployment;
  if (!deployment.isObserved || live === undefined)
    return phaseMs < restMs ? wait(notObserved) : applyAlone(now);
  return isPlain(now, deployment) ? applyAlone(now) : beginHold(now, deployment, { live, names });
}

/** The step, for people, of a Deployment that is paused while its Service is pinned. */
const pinningStep = 'pinning';

function isPausedUnmarked({ mark, fields }: SeenDeployment): boolean {
  return mark === undefined && fields.paused === true;
}

/** Whether this release has paused the Deployment to pin its Service, and can. */
function isPinning<State extends PinnedState>(
  now: PinnedInput<State>,
  deployment: SeenDeployment,
  { unready }: BeginSettings,
): boolean {
  const { holding, release } = now;
  const { mark, fields, live } = deployment;
  const isPaused = mark?.revision === release.revision && mark.step === pinningStep && fields.paused === true;
  if (!isPaused || live === undefined || holding.isPreviewTaken) return false;
  return !isPlain(now, deployment) && (unrestOf(holding, deployment) ?? unready) === undefined;
}

/**
 * Pins the Service, as soon as the Deployment is at rest. It is paused before: the pods that the Service is pinned to must
 * not be replaced by a change of somebody else, however long it takes until the Deployment is held.
 */
function beginHold<State extends PinnedState>(
  now: PinnedInput<State>,
  deployment: SeenDeployment,
  { live, names }: { live: SeenReplicaSet; names: BeginSettings },
): Decision<State> {
  const { holding, phaseMs, state } = now;
  const { fields, mark } = deployment;
  // Somebody may have taken the mark off what this release has paused.
  const before = mark?.before ?? state.hold?.before ?? fields;
  if (fields.paused === true && before === fields) return { type: 'halt', reason: pausedMessage(deployment) };
  const unrest = unrestOf(holding, deployment) ?? names.unready;
  if (unrest !== undefined) return phaseMs < restMs ? wait(unrest) : { type: 'halt', reason: unrest };
  const { active, manifest } = holding;
  const selector = unpinned(active?.selector ?? manifest.selector);
  const hold: PinnedHold = { stable: live.hash, before, selector };
  return isPinning(now, deployment, names) ? pin(now, hold) : pause(now, deployment, hold);
}

function pause<State extends PinnedState>(
  { state }: PinnedInput<State>,
  { reference, resourceVersion }: SeenDeployment,
  hold: PinnedHold,
): Decision<State> {
  const { before } = hold;
  const action = { type: 'rollout', deployment: reference, resourceVersion, before } as const;
  return {
    type: 'act',
    action: { ...action, fields: { ...before, paused: true }, step: pinningStep },
    next: { ...state, hold },
    message: `pausing ${reference.name}`,
  };
}

/** Whether there is nothing to hold: no pod that serves, or none that changes. */
function isPlain<State extends PinnedState>(
  { release, holding }: PinnedInput<State>,
  { desired }: SeenDeployment,
): boolean {
  const { changesPods, manifest } = holding;
  return release.stable === undefined || changesPods !== true || desired === 0 || manifest.replicas === 0;
}

function pin<State extends PinnedState>(
  { holding, state }: PinnedInput<State>,
  hold: PinnedHold,
): Decision<State> {
  // What was removed is an earlier release's: this one makes its own.
  const isRemoved = state.isPreviewRemoved === undefined ? {} : { isPreviewRemoved: false };
  return {
    type: 'act',
    action: selectPods(holding, pinned(hold.selector, hold.stable)),
    next: { ...state, phase: 'pinned', hold, ...isRemoved },
    message: `pinning Service ${holding.manifest.service.name} to the pods that serve`,
  };
}

/** The next step of completing what an earlier release has left; undefined: nothing is left, or it can stay. */
function completeLeftover<State extends PinnedState>(
  now: PinnedInput<State>,
  deployment: SeenDeployment,
): Decision<State> | undefined {
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

function previewTaken<State extends PinnedState>(
  { previewName }: Holding,
  { preview }: ServiceSettings,
): Decision<State> {
  return {
    type: 'halt',
    reason: `Service ${previewName} is not one that a release has made: give ${preview} another name`,
  };
}

function pausedMessage({ reference: { name } }: SeenDeployment): string {
  return `Deployment ${name} is paused: kubectl rollout resume deployment/${name} continues it`;
}

function wait<State extends PinnedState>(message: string): Decision<State> {
  return { type: 'wait', forMs: lookMs, message };
}

/** As rolling does from its begin. */
function applyAlone<State extends PinnedState>(now: PinnedInput<State>): Decision<RollingState> {
  return decideRolling({ ...now, settings: {}, state: { phase: 'applying' } });
}
