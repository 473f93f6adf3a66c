import { defined } from '../../base/defined.ts';
import { heldFields } from '../../kubernetes/rollout-fields.ts';
import { rest, write } from '../canary/rest.ts';
import { oldWanted, reachable } from '../canary/room.ts';
import { stepsOf } from '../canary/settings.ts';
import { beginWait, isPromotedFull } from '../canary/wait.ts';
import { waitOrFail } from '../held/deadline.ts';
import { previewOf } from '../pinned/pin.ts';
import { aimOf, aimText, lastAim, newPods, podsOf } from './aim.ts';
import { switchService } from './finish.ts';
import type { Aim, RoutedDecision, RoutedInput, Seen } from './input.ts';
import { route } from './route.ts';

/** Milliseconds between two looks: while pods start, while traffic moves. */
const lookMs = { starting: 1000, moving: 250 } as const;

/** Milliseconds that a Gateway is given to see the endpoints of the new pods' Service before it sends them traffic. */
const settleMs = 1000;

/** What the step that is due wants; after the last one the new pods get all traffic. */
export function takeStep(now: RoutedInput, seen: Seen): RoutedDecision {
  const { state, settings } = now;
  const { step: index = 0, aim: before } = state;
  const { deployment, router, hold } = seen;
  const step = isPromotedFull(now, deployment) ? undefined : stepsOf(settings)[index];
  if (step !== undefined && ('pause' in step || 'analysis' in step))
    return beginWait(now, deployment, hold, step);
  const aim = aimOf(step, index, before) ?? lastAim(settings);
  const isDone = step === undefined && router.share === 100 && isServable(now, seen, deployment.desired);
  return isDone ? switchService(now, seen) : move(now, seen, aim);
}

/** Starts the new pods that an aim takes beyond those that are there, or gives them their share. */
function move(now: RoutedInput, seen: Seen, aim: Aim): RoutedDecision {
  const { deployment, hold } = seen;
  const { desired, live } = deployment;
  const target = podsOf(aim, desired);
  if (live.wanted >= target) return shareOut(now, seen, aim);
  const maxSurge = Math.max(1, target + oldWanted(deployment) - desired);
  const fields = { ...heldFields, maxSurge, maxUnavailable: 0 };
  const text = `starting ${aimText(aim, desired)}`;
  return write(deployment, hold, fields, { step: text, next: { ...now.state, phase: 'starting', aim } });
}

/** New pods start beside the old ones; when all are ready the Deployment is paused, and they get a Service. */
export function startNewPods(now: RoutedInput, seen: Seen): RoutedDecision {
  const { state } = now;
  const { deployment, hold } = seen;
  const { live, desired } = deployment;
  const aim = aimIn(now);
  // A scaling since the step began has taken its room, or the controller has shared it out.
  const target =
    deployment.fields.paused === true
      ? Math.min(podsOf(aim, desired), live.wanted)
      : reachable(podsOf(aim, desired), deployment);
  if (live.ready < target)
    return waitOrFail(now, `${String(live.ready)} of ${String(target)} new pods are ready`, lookMs.starting);
  if (deployment.fields.paused !== true)
    return rest(deployment, hold, {
      step: `${newPods(live.ready)} ready`,
      next: { ...state, hold: { ...hold, candidate: live.hash } },
    });
  return previewNewPods(now, { ...seen, hold: { ...hold, candidate: live.hash } });
}

/** The Service of the new pods has them as endpoints; then they get their share of the traffic. */
export function previewNewPods(now: RoutedInput, seen: Seen): RoutedDecision {
  const { holding, release, state, phaseMs } = now;
  const { previewName } = holding;
  const { deployment, hold } = seen;
  if (holding.preview === undefined)
    return {
      type: 'act',
      action: previewOf(holding, release.revision, deployment.live.hash),
      next: { ...state, phase: 'previewing', hold },
      message: `Service ${previewName} selects the new pods`,
    };
  const aim = aimIn(now);
  if (
    state.phase === 'previewing' &&
    phaseMs < settleMs &&
    isServable(now, seen, podsOf(aim, deployment.desired))
  )
    return { type: 'wait', forMs: settleMs - phaseMs, message: `${previewName} has the new pods` };
  return shareOut(now, { ...seen, hold }, aim);
}

/** The router has the share; when it is in force, the step is done. */
export function waitForRouter(now: RoutedInput, { deployment, router, hold }: Seen): RoutedDecision {
  const aim = aimIn(now);
  const { settleMs: routerMs = 0 } = router;
  const { kind, name } = router.reference;
  if (!router.isInForce) {
    const why = router.problem === undefined ? '' : `: ${router.problem}`;
    return waitOrFail(
      now,
      `${kind} ${name} is not in force yet with ${String(aim.weight)} %${why}`,
      lookMs.moving,
    );
  }
  if (now.phaseMs < routerMs)
    return {
      type: 'wait',
      forMs: routerMs - now.phaseMs,
      message: `${kind} ${name} is about to be in force`,
    };
  return rest(deployment, hold, {
    step: `${newPods(deployment.live.ready)}, ${String(aim.weight)} % of the traffic`,
    next: { ...now.state, phase: 'stepping', step: aim.next },
  });
}

/** Gives the new pods their share, when they can carry it. */
function shareOut(now: RoutedInput, seen: Seen, aim: Aim): RoutedDecision {
  const { holding, state } = now;
  const { deployment, hold } = seen;
  const target = podsOf(aim, deployment.desired);
  // A scaling has taken some of the new pods away, or asks for more.
  if (deployment.live.wanted < target && deployment.fields.paused === true) return move(now, seen, aim);
  if (!isServable(now, seen, target)) {
    const count = String(holding.preview?.endpoints[deployment.live.hash] ?? 0);
    const message = `${count} of ${String(target)} new pods are endpoints of ${holding.previewName}`;
    return waitOrFail(now, message, lookMs.moving);
  }
  return route(now, seen.router, {
    percent: aim.weight,
    next: {
      ...state,
      phase: 'routing',
      aim,
      hold: { ...hold, ...defined({ candidate: deployment.live.hash }) },
    },
  });
}

/** Whether so many new pods are ready, and were seen in the endpoints of their Service. */
function isServable({ holding }: RoutedInput, { deployment: { live } }: Seen, target: number): boolean {
  return Math.min(live.ready, holding.preview?.endpoints[live.hash] ?? 0) >= target;
}

function aimIn({ state, settings }: RoutedInput): Aim {
  return state.aim ?? lastAim(settings);
}
