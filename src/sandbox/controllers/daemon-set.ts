import { revisionHashLabel, planRevisions } from './controller-revision.ts';
import { createPod, isTerminating, remove, type Plan, type World } from './plan.ts';
import { countReady, hasEnded, isReady, nextAvailableInMs } from './pod-facts.ts';
import { resolveCount } from './rollout-arithmetic.ts';
import { mapMatches } from './selectors.ts';
import { withoutZeros } from './status.ts';
import type { DaemonSet, Pod } from './workload-types.ts';

/** One pod on every node that the node selector allows, replaced within maxUnavailable. */
export function planDaemonSet(set: DaemonSet, { cluster, nowMs }: World, pods: readonly Pod[]): Plan {
  if (isTerminating(set)) return {};
  const { minReadySeconds = 0, updateStrategy } = set.spec;
  const { actions, revisions } = planRevisions(set, cluster);
  const [{ label, template }] = revisions;
  const nodes = cluster
    .list('Node')
    .filter(({ metadata }) => mapMatches(template.spec.nodeSelector, metadata.labels))
    .map(({ metadata }) => metadata.name);
  const [live, over] = [true, false].map((kept) =>
    pods.filter(
      (pod) => !isTerminating(pod) && kept === (!hasEnded(pod) && nodes.includes(pod.spec.nodeName ?? '')),
    ),
  ) as [Pod[], Pod[]];
  const uncovered = nodes.filter((node) => !pods.some(({ spec }) => spec.nodeName === node));
  const { ready, available } = countReady(live, minReadySeconds, nowMs);

  const outdated = live.filter((pod) => pod.metadata.labels?.[revisionHashLabel] !== label);
  const maxUnavailable = updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  const limit = Math.max(1, resolveCount(maxUnavailable, nodes.length, 'up'));
  const healthy = outdated.filter(isReady).slice(0, Math.max(0, limit - (nodes.length - ready)));
  const broken = outdated.filter((pod) => !isReady(pod));
  const replaced = updateStrategy?.type === 'OnDelete' ? [] : [...broken, ...healthy];
  return {
    actions: [
      ...actions,
      ...[...over, ...replaced].map(remove),
      ...uncovered.map((nodeName) =>
        createPod(set, template, { labels: { [revisionHashLabel]: label }, spec: { nodeName } }),
      ),
    ],
    status: {
      observedGeneration: set.metadata.generation ?? 0,
      currentNumberScheduled: live.length,
      numberMisscheduled: 0,
      desiredNumberScheduled: nodes.length,
      numberReady: ready,
      ...withoutZeros({
        updatedNumberScheduled: live.length - outdated.length,
        numberAvailable: available,
        numberUnavailable: nodes.length - available,
      }),
    },
    againInMs: nextAvailableInMs(pods, minReadySeconds, nowMs),
  };
}
