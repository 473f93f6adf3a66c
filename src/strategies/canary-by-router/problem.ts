import { defined } from '../../base/defined.ts';
import { heldProblem } from '../held/problem.ts';
import { isMoved, pinOf } from '../pinned/pin.ts';
import type { PinnedHold } from '../pinned/state.ts';
import type { Problem } from '../strategy.ts';
import { routerName } from './parts.ts';
import type { RoutedInput } from './input.ts';

/** Phases in which the Deployment rests and the router has the share that was given it last. */
const restingPhases: readonly string[] = ['stepping', 'waiting', 'measuring'];

/** Phases in which the Service has the old pods alone. */
const stayingPhases: readonly string[] = ['starting', 'previewing', 'routing', ...restingPhases];

/** Why the release cannot continue: as of every held Deployment, and what its Service, its router or its new pods say. */
export function problemOf(
  now: RoutedInput,
  hold: PinnedHold,
): { message: string; cause?: Problem } | undefined {
  const { phase } = now.state;
  const problem = heldProblem(now, {
    ...defined({ stable: hold.stable, candidate: hold.candidate }),
    isPaused: phase !== 'starting' && phase !== 'completing',
    isMarkOff: phase === 'completing',
  });
  const message = serviceProblem(now, hold) ?? routerProblem(now);
  return problem ?? (message === undefined ? undefined : { message });
}

function serviceProblem(
  { holding, state }: RoutedInput,
  { stable, candidate }: PinnedHold,
): string | undefined {
  const { active, manifest } = holding;
  if (active === undefined || !stayingPhases.includes(state.phase)) return undefined;
  if (pinOf(active) === stable || isMoved(active, candidate)) return undefined;
  return `somebody changed the selector of Service ${manifest.service.name} during the release`;
}

function routerProblem({ holding, state, settings }: RoutedInput): string | undefined {
  const { router, deployment, manifest } = holding;
  if (state.phase === 'completing') return undefined;
  if (router === undefined) return `somebody deleted ${routerName(settings)} during the release`;
  const { kind, name } = router.reference;
  const isResting = restingPhases.includes(state.phase) || state.phase === 'routing';
  if (isResting && router.share !== state.aim?.weight)
    return `somebody changed the backends of ${kind} ${name} during the release`;
  const isServing = router.share !== 'absent' && router.share !== 0;
  if (isServing && deployment?.isObserved === true && deployment.live?.ready === 0)
    return `no new pod of Deployment ${manifest.deployment.name} is ready any more`;
  return undefined;
}
