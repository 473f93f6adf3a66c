import { hashLabel } from '../../../../src/kubernetes/replica-sets.ts';
import { isHeld, rolloutFieldsOf } from '../../../../src/kubernetes/rollout-fields.ts';
import type { Pod, Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { isReady } from '../../../../src/kubernetes/workload-state.ts';
import { podsOf } from '../../../../src/strategies/canary/share.ts';
import { stepsOf } from '../../../../src/strategies/canary/settings.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { routedShares } from '../../../fakes/gateway.ts';
import { brokenTraffic, liveRoute } from '../routed-world.ts';
import { selectedPods } from '../../../fakes/service-endpoints.ts';
import { liveState } from '../blue-green-world.ts';
import type { World } from '../release-world.ts';
import type { ReleaseHistory, StrategyName } from './history.ts';

const desiredReplicas = 'deployment.kubernetes.io/desired-replicas';

/** Phases in which a scaling up counts only when they are over. */
const shiftingPhases: Record<StrategyName, readonly string[]> = {
  rolling: [],
  blueGreen: ['previewing', 'measuring', 'waiting'],
  canary: ['starting', 'shifting'],
  routedCanary: ['starting', 'previewing', 'routing', 'undoing', 'unrouted'],
};

/** Phases in which a release goes back to the old pods. */
const wayBack = ['undoing', 'rollingBack', 'restoring', 'restored'];

/** Years of waiting: pods of such a ReplicaSet are ready and never available. */
const heldSeconds = 31_536_000;

/**
 * Looks at every change whether a release keeps what it promises of its pods: there are never fewer ready ones than were
 * asked for, nor behind the Service, and new ones get no more traffic than their step says.
 */
export class PodPromises {
  readonly broken: string[] = [];
  /** Somebody else has written a pod template: see {@link PodPromises.#isExposed}. */
  isTemplateForeign = false;
  /** Somebody else has given the Service the selector of the manifest: old and new pods serve. */
  isSelectorForeign = false;
  /** Somebody else has given the route its own backends: all traffic goes to the old pods, of which a scaling may have left fewer. */
  isRouteForeign = false;
  readonly #world: World;
  readonly #history: ReleaseHistory;
  /** The most pods that were there at once as they were asked for, since it was asked for fewer. */
  #asked = 0;
  #served = 0;
  #mostDesired = 0;
  #isScaled = false;
  #isSpreading = false;
  #mostNew = 0;

  constructor(world: World, history: ReleaseHistory) {
    this.#world = world;
    this.#history = history;
  }

  /** Looks from now on. */
  watch(): void {
    const { cluster } = this.#world;
    const kinds = ['Pod', 'ReplicaSet', 'Deployment', 'Service', 'HTTPRoute'];
    const look = ({ kind }: { kind: string }) => {
      if (kinds.includes(kind)) this.#look();
    };
    cluster.onStore = look;
    cluster.onRemove = look;
    this.#look();
  }

  #look(): void {
    const { deployment, service } = liveState(this.#world);
    if (deployment === undefined || service === undefined) return;
    const pods = this.#world.cluster.all<Pod>('Pod').filter(isReady);
    const serving = this.#serving(service);
    if (this.isRouteForeign && this.#isScaled) this.#served = 0;
    const desired = deployment.spec.replicas ?? 1;
    if (this.#mostDesired !== 0 && desired !== this.#mostDesired) this.#isScaled = true;
    this.#mostDesired = Math.max(this.#mostDesired, desired);
    this.#lookAtShares(deployment, pods, serving);
    const sets = this.#world.cluster.all<Workload>('ReplicaSet');
    if (this.#isExposed(deployment, sets)) {
      this.#asked = 0;
      this.#served = 0;
      return;
    }
    if (this.#isSpread(deployment, sets, pods)) {
      this.#asked = Math.min(this.#asked, lasting(pods, sets));
      this.#served = Math.min(this.#served, lasting(serving, sets));
      return;
    }
    const asked = Math.min(this.#asked, desired);
    const served = Math.min(this.#served, desired);
    if (pods.length < asked) this.#break(`${String(pods.length)} of ${String(asked)} pods are ready`);
    if (serving.length < served) this.#break(`${String(serving.length)} of ${String(served)} pods serve`);
    this.#asked = this.#latched({ desired, is: lasting(pods, sets), was: asked, now: pods.length });
    this.#served = this.#latched({ desired, is: lasting(serving, sets), was: served, now: serving.length });
  }

  /** What has to stay from now on. */
  #latched({ desired, is, was, now }: { desired: number; is: number; was: number; now: number }): number {
    const isAll = is >= desired && (desired <= was || !this.#isShifting());
    return isAll ? desired : Math.min(was, now);
  }

  /** The release moves traffic or takes old pods away, as many as were asked for when it looked. */
  #isShifting(): boolean {
    return shiftingPhases[this.#history.strategy].includes(String(this.#stateOf().phase));
  }

  /**
   * A Deployment that is held and not paused, with a template of somebody else: its controller takes pods that are ready
   * and not available for broken ones. docs/decisions/0100 says so.
   */
  #isExposed({ spec }: Workload, sets: readonly Workload[]): boolean {
    const isHeld = sets.some(
      ({ spec: { minReadySeconds = 0, replicas = 0 } }) => minReadySeconds >= heldSeconds && replicas > 0,
    );
    // What is pinned to pods that somebody else's template replaces is served by them alone until the runner sees it.
    const isPinned = liveState(this.#world).selector?.[hashLabel] !== undefined;
    return this.isTemplateForeign && (isHeld || isPinned) && spec.paused !== true;
  }

  /**
   * The controller is spreading a scaling over old and new pods of which some are not ready: it asks only how many there
   * are, so that ready ones may go.
   */
  #isSpread({ spec }: Workload, sets: readonly Workload[], pods: readonly Pod[]): boolean {
    const active = sets.filter(({ spec: { replicas = 0 } }) => replicas > 0);
    const wanted = active.reduce((total, { spec: { replicas = 0 } }) => total + replicas, 0);
    const isSeen = active.every(
      ({ metadata }) => metadata.annotations?.[desiredReplicas] === String(spec.replicas ?? 1),
    );
    const wasSpreading = this.#isSpreading;
    this.#isSpreading = active.length > 1 && !isSeen && (wasSpreading || pods.length < wanted);
    return wasSpreading || this.#isSpreading;
  }

  #lookAtShares(deployment: Workload, pods: readonly Pod[], serving: readonly Pod[]): void {
    const { strategy } = this.#history;
    if (strategy === 'rolling' || this.isTemplateForeign) return;
    if (strategy === 'blueGreen') this.#lookAtMix(serving);
    else if (strategy === 'routedCanary') this.#lookAtRoute(deployment.spec.replicas ?? 1);
    else if (isHeld(rolloutFieldsOf(deployment)))
      this.#lookAtStep(pods.filter((pod) => imageOf(pod) === 'v2').length, deployment.spec.replicas ?? 1);
  }

  /** Ready pods that get requests: those of the Service, and those to which its route sends some. */
  #serving(service: KubernetesObject): Pod[] {
    const { cluster } = this.#world;
    const live = liveRoute(this.#world);
    if (live === undefined) return selectedPods(cluster, service);
    const shares = routedShares(cluster, live).filter(({ percent }) => percent > 0);
    return [...new Set(shares.flatMap(({ pods }) => pods))];
  }

  /** What the route sends to a Service its pods can carry. */
  #lookAtRoute(desired: number): void {
    if (this.isSelectorForeign) return;
    for (const text of brokenTraffic(this.#world, this.#isScaled ? 1 : desired)) this.#break(text);
  }

  /** Old and new pods serve together only on the way back, when the old ones had gone. */
  #lookAtMix(serving: readonly Pod[]): void {
    const images = new Set(serving.map(imageOf));
    if (images.size < 2 || !images.has('v2') || this.isSelectorForeign) return;
    const { phase } = this.#stateOf();
    if (!wayBack.includes(String(phase))) this.#break(`old and new pods serve in phase ${String(phase)}`);
  }

  #lookAtStep(count: number, desired: number): void {
    const isMore = count > this.#mostNew;
    this.#mostNew = Math.max(this.#mostNew, count);
    if (!isMore) return;
    const { phase, step = 0 } = this.#stateOf();
    if (!['starting', 'shifting', 'stepping', 'waiting'].includes(String(phase))) return;
    const steps = stepsOf(this.#history.settings).slice(0, step + 1);
    const share = (of: number) => Math.max(0, ...steps.map((one) => (podsOf(one, of) ?? 0) / of));
    // After a scaling the shares are kept as nearly as the numbers allow.
    const limit = this.#isScaled
      ? Math.ceil(this.#mostDesired * Math.max(...[2, 3, 4, 5, 6, 7, 8].map(share))) + 1
      : Math.round(desired * share(desired));
    if (count > limit)
      this.#break(
        `${String(count)} new pods are ready in step ${String(step)}, and ${String(limit)} shall be`,
      );
  }

  #stateOf(): { phase?: string; step?: number } {
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
    const map = this.#world.cluster.peek(reference) as unknown as { data: { record: string } };
    const record = JSON.parse(map.data.record) as { current?: { state: { phase: string; step?: number } } };
    return record.current?.state ?? {};
  }

  #break(text: string): void {
    const ms = this.#world.clock.monotonicMs();
    this.broken.push(`${text} (at ${String(ms)} ms)`);
  }
}

/** Pods that no ReplicaSet is about to remove. */
function lasting(pods: readonly Pod[], sets: readonly Workload[]): number {
  return sets.reduce((total, { metadata, spec }) => {
    const own = pods.filter((pod) => pod.metadata.labels?.[hashLabel] === metadata.labels?.[hashLabel]);
    return total + Math.min(own.length, spec.replicas ?? 0);
  }, 0);
}

function imageOf(pod: Pod): string {
  return (pod as unknown as { spec: { containers: { image: string }[] } }).spec.containers[0]?.image ?? '';
}
