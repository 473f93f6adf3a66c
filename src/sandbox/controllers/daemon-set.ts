import { withoutZeros, writeStatus } from './status.ts';
import type { StoredObject } from '../store/objects.ts';
import { nameOf, type Controller, type ControllerContext, type ObjectName } from './controller.ts';
import { REVISION_HASH, syncRevisions } from './controller-revision.ts';
import { claim } from './ownership.ts';
import { createPod, deletePod, workloadController } from './pod-control.ts';
import { hasEnded, isAvailable, isReady, nextAvailableInMs } from './pod-facts.ts';
import { resolveCount } from './rollout-arithmetic.ts';
import { mapMatches } from './selectors.ts';
import type { DaemonSet, Pod } from './workload-types.ts';
import type { WorkResult } from './work-queue.ts';

const COMPONENT = 'daemonset-controller';

/** DaemonSets in their simple form: one pod on every node that the node selector allows, replaced within maxUnavailable. */
export function daemonSetController(context: ControllerContext): Controller {
  const controller = workloadController<DaemonSet>(
    context,
    { kind: 'DaemonSet', group: 'apps', component: COMPONENT },
    (set) => reconcileDaemonSet(context, set),
  );
  const onNode = (): ObjectName[] => context.objects.list('DaemonSet').map(nameOf);
  return { ...controller, watches: { ...controller.watches, Node: onNode } };
}

function reconcileDaemonSet(context: ControllerContext, set: DaemonSet): WorkResult {
  const { objects } = context;
  const pods = claim<Pod>(objects, set, 'Pod', set.spec.selector);
  if (set.metadata.deletionTimestamp !== undefined) return undefined;
  const [{ label, template }] = syncRevisions(context, set);
  const nodes = objects
    .list('Node')
    .filter((node) => mapMatches(template.spec.nodeSelector, node.metadata.labels));
  const names = new Set(nodes.map(({ metadata }) => metadata.name));
  for (const pod of pods) {
    if (isGoing(pod)) continue;
    if (hasEnded(pod) || !names.has(pod.spec.nodeName ?? '')) deletePod(context, set, pod, COMPONENT);
  }
  for (const node of nodes) {
    if (pods.some((pod) => pod.spec.nodeName === node.metadata.name)) continue;
    const overlay = { labels: { [REVISION_HASH]: label }, spec: { nodeName: node.metadata.name } };
    createPod(context, set, template, { component: COMPONENT, overlay });
  }
  if (set.spec.updateStrategy?.type !== 'OnDelete')
    replaceOutdated(context, set, pods, { label, nodes: nodes.length });
  writeStatus(objects, set, statusOf(context, set, pods, { label, nodes }));
  return nextAvailableInMs(pods, set.spec.minReadySeconds ?? 0, context.now());
}

function isGoing(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

function replaceOutdated(
  context: ControllerContext,
  set: DaemonSet,
  pods: readonly Pod[],
  { label, nodes }: { label: string; nodes: number },
): void {
  const limit = Math.max(
    1,
    resolveCount(set.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, nodes, 'up'),
  );
  const outdated = pods.filter((pod) => !isGoing(pod) && pod.metadata.labels?.[REVISION_HASH] !== label);
  const broken = outdated.filter((pod) => !isReady(pod));
  const unavailable = nodes - pods.filter((pod) => !isGoing(pod) && isReady(pod)).length;
  const healthy = outdated.filter(isReady).slice(0, Math.max(0, limit - unavailable));
  for (const pod of [...broken, ...healthy]) deletePod(context, set, pod, COMPONENT);
}

function statusOf(
  { now }: ControllerContext,
  { spec, metadata }: DaemonSet,
  pods: readonly Pod[],
  { label, nodes }: { label: string; nodes: readonly StoredObject[] },
): Record<string, unknown> {
  const live = pods.filter((pod) => !isGoing(pod) && !hasEnded(pod));
  const available = live.filter((pod) => isAvailable(pod, spec.minReadySeconds ?? 0, now())).length;
  const optional = {
    updatedNumberScheduled: live.filter((pod) => pod.metadata.labels?.[REVISION_HASH] === label).length,
    numberAvailable: available,
    numberUnavailable: nodes.length - available,
  };
  return {
    observedGeneration: metadata.generation ?? 0,
    currentNumberScheduled: live.length,
    numberMisscheduled: 0,
    desiredNumberScheduled: nodes.length,
    numberReady: live.filter(isReady).length,
    ...withoutZeros(optional),
  };
}
