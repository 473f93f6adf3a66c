import type { AgentProblem } from '../../../ports/agent.ts';
import { suffix, type PodFacts, type Verdict } from './pod-facts.ts';

/** Who took the pod away, by its events (all versions) and its condition DisruptionTarget (1.26 and later). */
const removals: readonly { problem: AgentProblem; words: string; events: RegExp; disruption: RegExp }[] = [
  {
    problem: 'preempted',
    words: 'was preempted for a pod of higher priority',
    events: /^(?:Preempted|Preempting)$/,
    disruption: /^Preemption/,
  },
  {
    problem: 'nodeLost',
    words: 'was removed from its node',
    events: /^(?:TaintManagerEviction|NodeNotReady|DeletingNode)$/,
    disruption: /^(?:DeletionByTaintManager|DeletionByPodGC)$/,
  },
  {
    problem: 'evicted',
    words: 'was evicted from its node',
    events: /^Evicted$/,
    disruption: /^(?:EvictionByEvictionAPI|TerminationByKubelet)$/,
  },
];

/** Who took the pod away, or is about to; undefined when nothing says so. */
export function removalCause({ pod, events }: PodFacts): Verdict | undefined {
  const name = `agent pod ${pod.metadata.name}`;
  const disruption = pod.status.conditions?.find(
    ({ type, status }) => type === 'DisruptionTarget' && status === 'True',
  );
  for (const { problem, words, ...signs } of removals) {
    const event = events.find(({ reason }) => signs.events.test(reason));
    const isCause = signs.disruption.test(disruption?.reason ?? '');
    if (event !== undefined || isCause) {
      return { problem, message: `${name} ${words}${suffix(event ?? disruption)}` };
    }
  }
  return undefined;
}
