import { defined } from '../../base/defined.ts';
import { SlipwayError } from '../../base/errors.ts';
import { sameJson } from '../../base/same-json.ts';
import { answerOf, holdMarkOf } from '../../kubernetes/hold-mark.ts';
import { detachOf, pauseOf } from '../../kubernetes/stand-mark.ts';
import { hashOf, liveReplicaSet } from '../../kubernetes/replica-sets.ts';
import { isHeld, rolloutFieldsOf } from '../../kubernetes/rollout-fields.ts';
import { referenceOf, selectorText, type Pod, type Workload } from '../../kubernetes/workload-objects.ts';
import { isReady } from '../../kubernetes/workload-state.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { UnreachableError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import type {
  DeploymentHolding,
  HeldParts,
  Holding,
  RouterParts,
  SeenDeployment,
  SeenReplicaSet,
  SeenService,
  Selector,
} from '../../strategies/holding.ts';
import { rehearseApply } from '../act/rehearse-apply.ts';
import type { EarlierManifests } from '../act/take-ownership.ts';
import { previewLabel } from '../record/release-record.ts';
import { readyEndpoints } from './ready-endpoints.ts';
import { observeRouter } from './router.ts';

/** What a held Deployment is read with. */
export interface HoldingRequest {
  cluster: Cluster;
  application: string;
  parts: HeldParts;
  /** Find out whether the revision changes pods. */
  compares?: {
    clock: Clock;
    /** Take fields also from others that apply. */
    force: boolean;
    earlier: EarlierManifests;
  };
}

/** Reads what a release holds, in requests of this moment: what is decided from it is written only if it is still so. */
export async function observeHolding(
  request: HoldingRequest,
  options: CallOptions,
): Promise<DeploymentHolding | Holding> {
  const { cluster, parts, compares } = request;
  const { deployment: manifest, service, previewName, router } = parts;
  const reference = referenceOf(manifest);
  const live = await cluster.get<Workload>(reference, options);
  const pods = live === undefined ? [] : podsOf(live, cluster, options);
  const [found, sets, traffic, changesPods] = await Promise.all([
    pods,
    live === undefined ? [] : setsOf(live, cluster, options),
    service === undefined || previewName === undefined
      ? undefined
      : observeTraffic({ ...request, service, previewName, pods, ...defined({ router }) }, options),
    live === undefined || compares === undefined
      ? undefined
      : changesTemplate(manifest, live, { cluster, ...compares }, options),
  ]);
  const deployment = live === undefined ? undefined : readDeployment(live, found, sets);
  const held = {
    deployment: reference,
    replicas: manifest.spec.replicas ?? 1,
    fields: rolloutFieldsOf(manifest),
  };
  const seen = defined({ deployment, changesPods });
  if (traffic === undefined) return { manifest: held, ...seen };
  return { ...traffic, manifest: { ...held, ...traffic.manifest }, ...seen };
}

/** The Service whose traffic a release moves, the one that it makes for the new pods, and what shares the traffic out. */
async function observeTraffic(
  request: Pick<HoldingRequest, 'cluster' | 'application'> & {
    service: KubernetesObject;
    previewName: string;
    router?: RouterParts;
    pods: Promise<Pod[]> | Pod[];
  },
  options: CallOptions,
) {
  const { cluster, application, service, previewName, router: routed } = request;
  const active = referenceOf(service);
  const { name, namespace = '' } = active;
  const sharing = { service: name, candidate: previewName, namespace, application };
  const [pods, preview, liveService, router] = await Promise.all([
    request.pods,
    cluster.get({ ...active, name: previewName }, options),
    cluster.get(active, options),
    routed === undefined ? undefined : observeRouter(routed, sharing, cluster, options),
  ]);
  const isOwn = preview?.metadata.labels?.[previewLabel] === application;
  const hashes = new Map(pods.map((pod) => [pod.metadata.name, hashOf(pod)]));
  const seen = (found: KubernetesObject | undefined) =>
    found === undefined ? undefined : readService(found, hashes, cluster, options);
  const [seenActive, seenPreview] = await Promise.all([seen(liveService), seen(isOwn ? preview : undefined)]);
  return {
    manifest: { service: active, selector: selectorOf(service) },
    previewName,
    isPreviewTaken: preview !== undefined && !isOwn,
    ...defined({ active: seenActive, preview: seenPreview, router }),
  };
}

/** Pods that are not on their way out. */
async function podsOf(live: Workload, cluster: Cluster, options: CallOptions): Promise<Pod[]> {
  const selection = {
    namespace: live.metadata.namespace ?? '',
    labelSelector: selectorText(live.spec.selector),
  };
  const pods = await cluster.list<Pod>({ apiVersion: 'v1', kind: 'Pod' }, selection, options);
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** The ReplicaSets that a Deployment owns. */
async function setsOf(live: Workload, cluster: Cluster, options: CallOptions): Promise<Workload[]> {
  const { metadata, spec } = live;
  const selection = { namespace: metadata.namespace ?? '', labelSelector: selectorText(spec.selector) };
  const kind = { apiVersion: 'apps/v1', kind: 'ReplicaSet' };
  const found = await cluster.list<Workload>(kind, selection, options);
  return found.filter((set) => set.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid));
}

function readDeployment(live: Workload, pods: readonly Pod[], owned: readonly Workload[]): SeenDeployment {
  const { metadata, spec, status } = live;
  const current = liveReplicaSet(live, owned);
  return {
    reference: referenceOf({ ...live, apiVersion: 'apps/v1', kind: 'Deployment' }),
    resourceVersion: metadata.resourceVersion ?? '',
    isObserved: (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0),
    desired: spec.replicas ?? 1,
    fields: rolloutFieldsOf(live),
    sets: owned.map((set) => readSet(set, pods)),
    ...defined({
      mark: holdMarkOf(live),
      answer: answerOf(live),
      pause: pauseOf(live),
      detach: detachOf(live),
      live: current === undefined ? undefined : readSet(current, pods),
    }),
  };
}

function readSet(set: Workload, pods: readonly Pod[]): SeenReplicaSet {
  const own = pods.filter(({ metadata }) =>
    metadata.ownerReferences?.some(({ uid }) => uid === set.metadata.uid),
  );
  return {
    name: set.metadata.name,
    hash: hashOf(set),
    wanted: set.spec.replicas ?? 0,
    present: own.length,
    ready: own.filter(isReady).length,
    ...(isHeld(rolloutFieldsOf(set)) && (set.status?.availableReplicas ?? 0) === 0 ? { isHeld: true } : {}),
  };
}

async function readService(
  live: KubernetesObject,
  hashes: ReadonlyMap<string, string>,
  cluster: Cluster,
  options: CallOptions,
): Promise<SeenService> {
  const reference: ObjectReference = referenceOf({ ...live, apiVersion: 'v1', kind: 'Service' });
  const endpoints: Record<string, number> = {};
  for (const pod of await readyEndpoints(reference, cluster, options)) {
    const hash = hashes.get(pod) ?? '';
    endpoints[hash] = (endpoints[hash] ?? 0) + 1;
  }
  const { resourceVersion = '' } = live.metadata;
  return { reference, resourceVersion, selector: selectorOf(live), endpoints };
}

function selectorOf(service: KubernetesObject): Selector {
  return (service as { spec?: { selector?: Selector } }).spec?.selector ?? {};
}

/** Whether applying the manifest would change the pod template. What the API would refuse is found when it is applied. */
async function changesTemplate(
  manifest: Workload,
  live: Workload,
  ports: Parameters<typeof rehearseApply>[2],
  options: CallOptions,
): Promise<boolean> {
  const { replicas } = live.spec;
  const wanted = { ...manifest, spec: { ...manifest.spec, ...defined({ replicas }) } };
  try {
    const after = (await rehearseApply(wanted, live, ports, options)) as Workload;
    return !sameJson(after.spec.template, live.spec.template);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof SlipwayError) || error instanceof UnreachableError) throw error;
    return true;
  }
}
