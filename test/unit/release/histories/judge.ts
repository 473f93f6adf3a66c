import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import type { ReleaseResult } from '../../../../src/release/reconcile.ts';
import type { RevisionRecord } from '../../../../src/release/record/release-record.ts';
import { liveState, restingState } from '../blue-green-world.ts';
import { recordOf } from '../release-courses.ts';
import { liveRules, route } from '../routed-world.ts';
import type { World } from '../release-world.ts';
import { foreignTypes, type Happening } from './happenings.ts';
import type { ReleaseHistory } from './history.ts';

/** What an end is judged by. */
export interface Facts {
  world: World;
  history: ReleaseHistory;
  /** Types of what has happened, of what was to happen. */
  happened: ReadonlySet<Happening['type']>;
  /** The lease is free, or was left by a runner that could not give it back. */
  isLeaseFree: boolean;
  /** Pods that were asked for last. */
  replicas: number;
  /** Somebody else has written a pod template. */
  isTemplateForeign: boolean;
}

/** Controllers' steps after which everything has come to rest. */
const enoughSteps = 5000;

/** What of the end of the release of v2 breaks a promise. */
export function judgeEnd(results: readonly (ReleaseResult | undefined)[], facts: Facts): string[] {
  const { history, current } = recordOf(facts.world);
  const entry = history.find(({ runId }) => runId === 'run-2');
  const broken: string[] = [];
  if (current !== undefined) broken.push('the release is left open');
  if (!facts.isLeaseFree) broken.push('the lease is held');
  for (const result of results)
    if (result !== undefined && result.outcome !== entry?.outcome)
      broken.push(`a runner tells ${result.outcome}, the record ${String(entry?.outcome)}`);
  if (entry === undefined)
    return isCancelled(facts.history) ? broken : [...broken, 'there is no revision of it'];
  broken.push(...judgeOutcome(entry, facts));
  if (entry.outcome === 'halted') return broken;
  return [...broken, ...judgeRest(entry.outcome === 'released' ? 'v2' : 'v1', facts)];
}

/** What of the end of the release of v3, which has met no trouble, breaks a promise. */
export function judgeNext(result: ReleaseResult | undefined, facts: Facts): string[] {
  // A rollout by somebody else that does not end is waited for in vain.
  if (result?.outcome === 'halted' && isBroken(facts)) return [];
  if (result?.outcome === 'halted' && isLeftPaused(facts)) return [];
  if (result?.outcome === 'released') return judgeRest('v3', facts);
  return [`the next release ends ${String(result?.outcome)}: ${String(result?.reason)}`];
}

function judgeOutcome({ outcome, reason = '' }: RevisionRecord, { history, happened }: Facts): string[] {
  if (outcome !== 'released' && reason === '') return [`it ends ${outcome} without a reason`];
  // After somebody else's change it may halt, too.
  if (foreignTypes.some((type) => happened.has(type))) return [];
  const wanted = history.candidate === 'ready' ? 'released' : 'rolledBack';
  const mayGoBack = isCancelled(history) || happened.has('answer');
  if (outcome === wanted || (mayGoBack && outcome === 'rolledBack')) return [];
  return [`it ends ${outcome} (${reason}), and ${wanted} was to be`];
}

function isCancelled({ runners, second }: ReleaseHistory): boolean {
  return [...runners, second?.trouble].some((trouble) => trouble?.abortMs !== undefined);
}

/** Whether somebody else has given the Deployment the template of pods that do not work. */
function isBroken({ world, history, isTemplateForeign }: Facts): boolean {
  return isTemplateForeign && history.candidate !== 'ready' && liveState(world).image === 'v2';
}

/** Whether somebody has taken the mark off a Deployment that was paused by a runner which died before it could say so. */
function isLeftPaused({ world, happened }: Facts): boolean {
  const { deployment, isHeld } = liveState(world);
  return happened.has('unmark') && deployment?.spec.paused === true && !isHeld;
}

/** That nothing of a release is left, and the Deployment is as its manifest and the last scaling say. */
function judgeRest(image: string, facts: Facts): string[] {
  const { world, replicas, isTemplateForeign } = facts;
  for (let left = enoughSteps; left > 0 && world.deployments.step(); left -= 1);
  if (isBroken(facts)) return [];
  const live = liveState(world);
  const { strategy, paused = false, minReadySeconds = 0, progressDeadlineSeconds } = live.deployment!.spec;
  const sets = world.cluster.all<Workload>('ReplicaSet').filter(({ spec }) => (spec.replicas ?? 0) > 0);
  const is: Record<string, unknown> = {
    ...{ image: live.image, isHeld: live.isHeld, selector: live.selector, services: live.services },
    ...{ strategy, paused, minReadySeconds, progressDeadlineSeconds, sets: sets.length },
    ...{ replicas: live.deployment?.spec.replicas, ready: world.deployments.available() },
    rules: liveRules(world),
  };
  // kubectl rollout undo brings back the annotations of a ReplicaSet, and with them a mark that the next release takes off.
  const isMarkForeign = facts.happened.has('undo') && image !== 'v3';
  const wanted = {
    ...{ image: isTemplateForeign && image !== 'v3' ? live.image : image },
    isHeld: isMarkForeign && live.isHeld,
    ...{ selector: restingState.selector, services: ['web'], strategy: restingState.strategy },
    ...{ paused: false, minReadySeconds: 0, progressDeadlineSeconds: undefined, sets: 1 },
    ...{ replicas, ready: replicas },
    rules: facts.history.strategy === 'routedCanary' ? route.spec.rules : undefined,
  };
  return Object.entries(wanted).flatMap(([key, value]) => {
    const [text, other] = [is[key], value].map((each) => JSON.stringify(each ?? null));
    return text === other ? [] : [`in the end ${key} is ${text} and not ${other}`];
  });
}
