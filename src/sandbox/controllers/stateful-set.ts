import { withoutZeros, writeStatus } from './status.ts';
import type { ControllerContext, Controller } from './controller.ts';
import { REVISION_HASH, syncRevisions, type TemplateRevision } from './controller-revision.ts';
import { claim } from './ownership.ts';
import { createPod, deletePod, workloadController } from './pod-control.ts';
import { hasEnded, isAvailable, isReady, nextAvailableInMs } from './pod-facts.ts';
import { nextStatefulStep, ordinalOf, type StatefulPlan, type StatefulPod } from './stateful-order.ts';
import type { Pod, StatefulSet } from './workload-types.ts';
import type { WorkResult } from './work-queue.ts';

const COMPONENT = 'statefulset-controller';

/** StatefulSets in their simple form: stable names and claims, one pod after the other unless Parallel, updates from the last to the partition. */
export function statefulSetController(context: ControllerContext): Controller {
  return workloadController<StatefulSet>(
    context,
    { kind: 'StatefulSet', group: 'apps', component: COMPONENT },
    (set) => reconcileStatefulSet(context, set),
  );
}

function reconcileStatefulSet(context: ControllerContext, set: StatefulSet): WorkResult {
  const { objects } = context;
  const pods = claim<Pod>(objects, set, 'Pod', set.spec.selector).filter(
    (pod) => ordinalOf(set.metadata.name, pod.metadata.name) !== undefined,
  );
  if (set.metadata.deletionTimestamp !== undefined) return undefined;
  const revisions = syncRevisions(context, set);
  const [update] = revisions;
  const current = currentRevision(set, revisions) ?? update;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (const step of nextStatefulStep(
    planOf(set, update.label),
    pods.map((pod) => stateOf(set, pod)),
  )) {
    if (step.action === 'create') {
      createOrdinal(context, set, step.ordinal, step.ordinal < partition ? current : update);
      continue;
    }
    const pod = pods.find(({ metadata }) => metadata.name === `${set.metadata.name}-${step.ordinal}`);
    if (pod !== undefined) deletePod(context, set, pod, COMPONENT);
  }
  writeStatus(objects, set, statusOf(context, set, pods, { current, update }));
  return nextAvailableInMs(pods, set.spec.minReadySeconds ?? 0, context.now());
}

function planOf({ spec }: StatefulSet, updateRevision: string): StatefulPlan {
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  return {
    replicas: spec.replicas,
    parallel: spec.podManagementPolicy === 'Parallel',
    updateRevision,
    partition: type === 'OnDelete' ? Infinity : (rollingUpdate?.partition ?? 0),
  };
}

function stateOf(set: StatefulSet, pod: Pod): StatefulPod {
  const going = pod.metadata.deletionTimestamp !== undefined;
  return {
    ordinal: ordinalOf(set.metadata.name, pod.metadata.name) ?? 0,
    revision: pod.metadata.labels?.[REVISION_HASH] ?? '',
    healthy: isReady(pod) && !going,
    ended: hasEnded(pod),
    going,
  };
}

function currentRevision(
  set: StatefulSet,
  revisions: readonly TemplateRevision[],
): TemplateRevision | undefined {
  return revisions.find(({ label }) => label === set.status?.['currentRevision']);
}

function createOrdinal(
  context: ControllerContext,
  set: StatefulSet,
  ordinal: number,
  revision: TemplateRevision,
): void {
  const { namespace = 'default', name } = set.metadata;
  const podName = `${name}-${ordinal}`;
  const claims = (set.spec.volumeClaimTemplates ?? []).map((template) => {
    const claimName = `${template.metadata.name}-${podName}`;
    const { objects } = context;
    if (objects.get({ kind: 'PersistentVolumeClaim', group: '', namespace, name: claimName }) === undefined) {
      const metadata = {
        ...template.metadata,
        name: claimName,
        namespace,
        labels: set.spec.selector.matchLabels ?? {},
      };
      objects.create({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: template.spec });
    }
    return { name: template.metadata.name, persistentVolumeClaim: { claimName } };
  });
  const claimed = new Set(claims.map((volume) => volume.name));
  const volumes = (revision.template.spec.volumes ?? []).filter((volume) => !claimed.has(volume.name));
  createPod(context, set, revision.template, {
    component: COMPONENT,
    overlay: {
      name: podName,
      labels: {
        'statefulset.kubernetes.io/pod-name': podName,
        'apps.kubernetes.io/pod-index': String(ordinal),
        [REVISION_HASH]: revision.label,
      },
      spec: {
        hostname: podName,
        ...(set.spec.serviceName === undefined ? {} : { subdomain: set.spec.serviceName }),
        ...(claims.length + volumes.length === 0 ? {} : { volumes: [...volumes, ...claims] }),
      },
    },
  });
}

function statusOf(
  { now }: ControllerContext,
  { spec, metadata, status }: StatefulSet,
  pods: readonly Pod[],
  { current, update }: { current: TemplateRevision; update: TemplateRevision },
): Record<string, unknown> {
  const live = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const having = (label: string): number =>
    live.filter((pod) => pod.metadata.labels?.[REVISION_HASH] === label).length;
  const ready = live.filter(isReady).length;
  const available = live.filter((pod) => isAvailable(pod, spec.minReadySeconds ?? 0, now())).length;
  const updated = having(update.label);
  const done = updated === spec.replicas && live.length === spec.replicas && ready === spec.replicas;
  const currentLabel = done || status?.['currentRevision'] === undefined ? update.label : current.label;
  return {
    observedGeneration: metadata.generation ?? 0,
    replicas: pods.length,
    availableReplicas: available,
    ...withoutZeros({
      readyReplicas: ready,
      currentReplicas: having(currentLabel),
      updatedReplicas: updated,
    }),
    currentRevision: currentLabel,
    updateRevision: update.label,
    collisionCount: 0,
  };
}
