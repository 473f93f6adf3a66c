import { defined } from '../../base/defined.ts';
import { revisionHashLabel, planRevisions, type TemplateRevision } from './controller-revision.ts';
import type { Inventory } from './inventory.ts';
import { createPod, isTerminating, remove, type Action, type Plan, type World } from './plan.ts';
import { countReady, hasEnded, isReady, nextAvailableInMs } from './pod-facts.ts';
import { withoutZeros } from './status.ts';
import type { Pod, StatefulSet } from './workload-types.ts';

type Members = ReadonlyMap<number, Pod>;

/** Stable names and claims, one pod after the other unless Parallel, updates from the last to the partition. */
export function planStatefulSet(set: StatefulSet, { cluster, nowMs }: World, owned: readonly Pod[]): Plan {
  if (isTerminating(set)) return {};
  const { actions, revisions } = planRevisions(set, cluster);
  const [update] = revisions;
  const current = revisions.find(({ label }) => label === set.status?.['currentRevision']) ?? update;
  const members: Members = new Map(
    owned
      .map((pod): [number, Pod] => [ordinalOf(set.metadata.name, pod.metadata.name), pod])
      .filter(([ordinal]) => ordinal >= 0),
  );
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const steps = nextSteps(set, members, update.label).flatMap((step) =>
    typeof step === 'number'
      ? createOrdinal(set, step, step < partition ? current : update, cluster)
      : [remove(step)],
  );
  return {
    actions: [...actions, ...steps],
    status: statusOf(set, [...members.values()], { current, update }, nowMs),
    againInMs: nextAvailableInMs([...members.values()], set.spec.minReadySeconds ?? 0, nowMs),
  };
}

/** The ordinal in a pod's name (`web-2` of `web` is 2); -1 for a name that is not of the set. */
export function ordinalOf(set: string, pod: string): number {
  const end = pod.startsWith(`${set}-`) ? pod.slice(set.length + 1) : '';
  return /^(0|[1-9]\d*)$/.test(end) ? Number(end) : -1;
}

/**
 * What to do now: ordinals to make, pods to delete. In order: pods that ended are replaced; missing ones are made from
 * 0 up, each after the ones before it are ready; surplus ones go from the last down; then pods of another revision are
 * replaced from the last down to the partition, each after those above it are ready again.
 */
function nextSteps({ spec }: StatefulSet, members: Members, update: string): (number | Pod)[] {
  const parallel = spec.podManagementPolicy === 'Parallel';
  const steps: (number | Pod)[] = [];
  for (let ordinal = 0; ordinal < spec.replicas; ordinal += 1) {
    const pod = members.get(ordinal);
    if (pod === undefined) steps.push(ordinal);
    else if (hasEnded(pod) && !isTerminating(pod)) steps.push(pod);
    if (!parallel && !isHealthy(pod)) return steps;
  }
  for (const [ordinal, pod] of [...members].sort(([left], [right]) => right - left)) {
    if (ordinal < spec.replicas) break;
    if (!isTerminating(pod)) steps.push(pod);
    if (!parallel) return steps;
  }
  return steps.length > 0 || spec.updateStrategy?.type === 'OnDelete'
    ? steps
    : nextUpdate(spec, members, update);
}

function nextUpdate(spec: StatefulSet['spec'], members: Members, update: string): Pod[] {
  const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let ordinal = spec.replicas - 1; ordinal >= partition; ordinal -= 1) {
    const pod = members.get(ordinal);
    if (pod === undefined || isTerminating(pod)) return [];
    if (!isOf(update, pod)) return [pod];
    if (!isHealthy(pod)) return [];
  }
  return [];
}

function isHealthy(pod: Pod | undefined): boolean {
  return pod !== undefined && isReady(pod) && !isTerminating(pod);
}

function isOf(revision: string, { metadata }: Pod): boolean {
  return metadata.labels?.[revisionHashLabel] === revision;
}

/** The pod of an ordinal, after the claims that it has not got yet. */
function createOrdinal(
  set: StatefulSet,
  ordinal: number,
  { label, template }: TemplateRevision,
  cluster: Inventory,
): Action[] {
  const { namespace = 'default', name: setName } = set.metadata;
  const { volumeClaimTemplates = [], selector, serviceName } = set.spec;
  const name = `${setName}-${ordinal}`;
  const kind = 'PersistentVolumeClaim';
  const claimName = (of: string): string => `${of}-${name}`;
  const claims = volumeClaimTemplates
    .map(({ metadata, spec }) => {
      const identity = { name: claimName(metadata.name), namespace, labels: selector.matchLabels ?? {} };
      return { apiVersion: 'v1', kind, metadata: { ...metadata, ...identity }, spec };
    })
    .filter((claim) => cluster.get({ kind, namespace, name: claim.metadata.name }) === undefined);
  const claimed = volumeClaimTemplates.map(({ metadata }) => metadata.name);
  const volumes = [
    ...(template.spec.volumes ?? []).filter((volume) => !claimed.includes(volume.name)),
    ...claimed.map((of) => ({ name: of, persistentVolumeClaim: { claimName: claimName(of) } })),
  ];
  const labels = {
    'statefulset.kubernetes.io/pod-name': name,
    'apps.kubernetes.io/pod-index': String(ordinal),
    [revisionHashLabel]: label,
  };
  const spec = {
    hostname: name,
    ...defined({ subdomain: serviceName }),
    ...(volumes.length === 0 ? {} : { volumes }),
  };
  return [
    ...claims.map((object): Action => ({ act: 'create', object })),
    createPod(set, template, { name, labels, spec }),
  ];
}

function statusOf(
  { spec, metadata, status }: StatefulSet,
  pods: readonly Pod[],
  { current, update }: { current: TemplateRevision; update: TemplateRevision },
  nowMs: number,
): object {
  const live = pods.filter((pod) => !isTerminating(pod));
  const { ready, available } = countReady(live, spec.minReadySeconds, nowMs);
  const having = (revision: string): number => live.filter((pod) => isOf(revision, pod)).length;
  const updated = having(update.label);
  const isDone = [updated, live.length, ready].every((count) => count === spec.replicas);
  const { label } = isDone || status?.['currentRevision'] === undefined ? update : current;
  return {
    observedGeneration: metadata.generation ?? 0,
    replicas: pods.length,
    availableReplicas: available,
    ...withoutZeros({ readyReplicas: ready, currentReplicas: having(label), updatedReplicas: updated }),
    currentRevision: label,
    updateRevision: update.label,
    collisionCount: 0,
  };
}
