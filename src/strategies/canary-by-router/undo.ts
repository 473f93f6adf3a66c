import { heldFields, isHeld } from '../../kubernetes/rollout-fields.ts';
import { stableHash } from '../held/complete.ts';
import { wayBack } from '../held/deadline.ts';
import type { SeenReplicaSet, SeenRouter } from '../holding.ts';
import { completeRollout } from '../pinned/complete.ts';
import { moveBack } from '../pinned/move-back.ts';
import { hasEndpoints, pinOf } from '../pinned/pin.ts';
import type { PinnedHold } from '../pinned/state.ts';
import type { RoutedDecision, RoutedInput, RoutedState } from './input.ts';
import { route } from './route.ts';

const lookMs = 250;
/** Milliseconds for the old pods to be ready again before they are taken for unhealthy. */
const unhealthyMs = 10_000;
/** Milliseconds for which new pods stay after the router sends them nothing: its data plane may be late. */
const settleMs = 2000;

/**
 * Decides the way back: the Service has the old pods, as much of the traffic as they can carry goes to them, and when that
 * is all of it the router is the team's own again; then the new pods go, and the stable revision is applied.
 */
export function undo(now: RoutedInput): RoutedDecision {
  const { holding, state } = now;
  const { active, deployment } = holding;
  const { hold } = state;
  const before = hold?.before ?? deployment?.mark?.before ?? deployment?.fields ?? {};
  const toward = hold?.stable ?? pinOf(active) ?? stableHash(deployment);
  const back = hold === undefined ? undefined : (comeBack(now, hold) ?? moveBack(now, hold));
  const unrouted = back ?? unroute(now, { stable: toward, next: { ...state, phase: 'unrouted' } });
  return wayBack(now, unrouted ?? completeRollout({ holding, toward, own: before, before, state }));
}

/** The next step until the router sends nothing to the new pods; undefined: it does not. */
export function unroute(
  now: RoutedInput,
  { stable, next }: { stable: string | undefined; next: RoutedState },
): RoutedDecision | undefined {
  const { holding, state, phaseMs } = now;
  const { router, deployment } = holding;
  if (router === undefined) return undefined;
  const own = route(now, router, { next });
  // Without the Deployment no pods are left to choose between.
  if (router.share !== 'absent') return deployment === undefined ? own : (lessen(now, router, stable) ?? own);
  if (state.phase !== 'unrouted') return undefined;
  const { kind, name } = router.reference;
  if (!router.isInForce) return wait(`${kind} ${name} is not in force yet`);
  const leftMs = Math.max(settleMs, router.settleMs ?? 0) - phaseMs;
  if (leftMs <= 0) return undefined;
  return {
    type: 'wait',
    forMs: leftMs,
    message: `${kind} ${name} sends nothing to the new pods`,
  };
}

/** What is done before the old pods get all traffic; undefined: they can carry it, or the new ones can carry none. */
function lessen(
  now: RoutedInput,
  router: SeenRouter,
  stable: string | undefined,
): RoutedDecision | undefined {
  const { deployment, active, preview } = now.holding;
  const old = deployment?.sets.find(({ hash }) => hash === stable);
  const desired = deployment?.desired ?? 0;
  const ready = Math.min(old?.ready ?? 0, active?.endpoints[stable ?? ''] ?? 0);
  if (ready >= desired || !hasEndpoints(preview)) return undefined;
  const percent = 100 - Math.floor((100 * ready) / desired);
  if (typeof router.share === 'number' && router.share > percent)
    return route(now, router, { percent, next: now.state });
  const counts = `${String(ready)} of ${String(desired)} old pods are ready`;
  return (old === undefined ? undefined : bringBack(now, old, counts)) ?? waitForOld(now, counts);
}

/** Old pods that are not ready may be so again, or are unhealthy: then the traffic stays as it is. Those that come back start. */
function waitForOld({ holding, phaseMs, release }: RoutedInput, counts: string): RoutedDecision {
  if (phaseMs < unhealthyMs || holding.deployment?.fields.paused !== true) return wait(counts);
  return {
    type: 'halt',
    reason: `${release.reason ?? 'the release failed'}; the new pods keep their share of the traffic, as only ${counts}`,
  };
}

/** Old pods come before the Service moves from the new ones to them, where a scaling has left fewer; undefined: none have to. */
function comeBack(now: RoutedInput, { stable, candidate }: PinnedHold): RoutedDecision | undefined {
  const { deployment, active } = now.holding;
  const old = deployment?.sets.find(({ hash }) => hash === stable);
  if (deployment === undefined || old === undefined || candidate === undefined) return undefined;
  const { desired, fields } = deployment;
  if (pinOf(active) !== candidate || !isHeld(fields) || !hasEndpoints(active) || old.ready >= desired)
    return undefined;
  const counts = `${String(old.ready)} of ${String(desired)} old pods are ready`;
  return bringBack(now, old, counts) ?? (fields.paused === true ? undefined : wait(counts));
}

/**
 * Old pods come beside the new ones, where a scaling has left fewer of them than there are to be: the template is theirs
 * again, paused until none of them counts as available. Before, the controller would take the new ones for broken old ones.
 * @returns undefined: none are missing, or they are coming
 */
function bringBack(
  { holding, state }: RoutedInput,
  old: SeenReplicaSet,
  counts: string,
): RoutedDecision | undefined {
  const { deployment } = holding;
  // What a release that was halted, or whose record is lost, has kept is in the mark alone.
  const before = state.hold?.before ?? deployment?.mark?.before;
  if (deployment === undefined || before === undefined || old.wanted >= deployment.desired) return undefined;
  const { reference, resourceVersion, fields, live, isObserved } = deployment;
  const isTheirs = live?.name === old.name;
  if (isTheirs && fields.paused !== true) return undefined;
  if (isTheirs && !(isObserved && old.isHeld)) return wait('the old pods still count as available');
  const guard = { type: 'rollout', deployment: reference, resourceVersion, before } as const;
  const step = `bringing old pods back: ${counts}`;
  return {
    type: 'act',
    action: { ...guard, fields: { ...heldFields, paused: !isTheirs }, replicaSet: old.name, step },
    next: state,
    message: step,
  };
}

function wait(message: string): RoutedDecision {
  return { type: 'wait', forMs: lookMs, message };
}
