import { defined } from '../../base/defined.ts';
import type { Sample } from '../../analysis/sample.ts';
import type { Answer, HoldMark } from '../../kubernetes/hold-mark.ts';
import type { CandidateShare } from '../../kubernetes/http-route.ts';
import { hashLabel } from '../../kubernetes/replica-sets.ts';
import { heldFields, type RolloutFields } from '../../kubernetes/rollout-fields.ts';
import { referenceOf } from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import type {
  DeploymentHolding,
  Holding,
  RouterParts,
  SeenDeployment,
  SeenRouter,
  SeenService,
  Selector,
} from '../holding.ts';
import type { Action } from '../strategy.ts';
import { seenSet, stepController, type SimulatedSet } from './simulated-deployment.ts';

const stable = 'old';
const candidate = 'new';

/** What a simulated release begins with. */
interface Begin {
  revision: number;
  deployment: ObjectReference;
  manifest: { replicas: number; fields: RolloutFields };
  replicas: number;
  fields: RolloutFields;
  service?: KubernetesObject;
  previewName?: string;
  router?: RouterParts;
}

/** A Deployment, its controller and the Services of a release, as numbers. */
export class SimulatedRelease {
  readonly #begin: Begin;
  readonly #samples: Record<string, Sample[]> = {};
  #fields: RolloutFields;
  #sets: SimulatedSet[];
  #live = stable;
  #mark: HoldMark | undefined;
  #answer: Answer | undefined;
  #active: Selector | undefined;
  #preview: Selector | undefined;
  #share: CandidateShare = 'absent';

  constructor(begin: Begin) {
    this.#begin = begin;
    this.#fields = begin.fields;
    this.#sets = [{ hash: stable, pods: begin.replicas, isAvailable: true }];
    this.#active = begin.service === undefined ? undefined : selectorOf(begin.service);
  }

  /** What analyses have measured: all of it passed. */
  get samples(): Readonly<Record<string, readonly Sample[]>> {
    return this.#samples;
  }

  /** Pods of both tracks, and the share of the traffic that the new ones get, in percent. */
  counts(): { stable: number; candidate: number; weight: number } {
    const pods = (hash: string) => this.#sets.find((set) => set.hash === hash)?.pods ?? 0;
    const serving = this.#endpoints(this.#active ?? {});
    const all = Object.values(serving).reduce((sum, each) => sum + each, 0);
    const served = all === 0 ? 0 : Math.round((100 * (serving[candidate] ?? 0)) / all);
    const weight = typeof this.#share === 'number' ? this.#share : served;
    return { stable: pods(stable), candidate: pods(candidate), weight };
  }

  /** Lets the controller do its next step. @returns whether it did anything */
  controllerSteps(): boolean {
    const before = this.#sets;
    const { replicas: desired } = this.#begin;
    this.#sets = stepController({ desired, fields: this.#fields, live: this.#live }, before);
    return this.#sets.some(({ pods }, index) => pods !== before[index]?.pods);
  }

  /** A person promotes it. */
  promote(step: number | undefined): void {
    this.#answer = { revision: this.#begin.revision, answer: 'promote', ...defined({ step }) };
  }

  act(action: Action, phaseMs: number): void {
    switch (action.type) {
      case 'hold':
        this.#sets = [...this.#sets, { hash: candidate, pods: 0, isAvailable: false }];
        this.#live = candidate;
        this.#fields = { ...heldFields, ...defined({ maxSurge: action.share?.surge }) };
        this.#setMark(action.step, action.before);
        return;
      case 'rollout':
        this.#fields = action.fields;
        this.#live = action.replicaSet ?? this.#live;
        if (action.step === undefined) this.#mark = undefined;
        else this.#setMark(action.step, action.before);
        return;
      case 'selectPods':
        this.#active = action.selector;
        return;
      case 'preview':
        this.#preview = action.selector;
        return;
      case 'removePreview':
        this.#preview = undefined;
        return;
      case 'route':
        this.#share = action.percent ?? 'absent';
        return;
      case 'measure': {
        const taken: Sample = { verdict: 'passed', text: '', atMs: phaseMs };
        this.#samples[action.key] = [...(this.#samples[action.key] ?? []), taken];
        return;
      }
      default:
        return;
    }
  }

  /** What the release sees. */
  holding(): DeploymentHolding | Holding {
    const { deployment, manifest, service, previewName, router } = this.#begin;
    const sets = this.#sets.map(seenSet);
    const seen: SeenDeployment = {
      ...{ reference: deployment, resourceVersion: '', isObserved: true, desired: this.#begin.replicas },
      ...{ fields: this.#fields, sets },
      ...defined({
        live: sets.find(({ hash }) => hash === this.#live),
        mark: this.#mark,
        answer: this.#answer,
      }),
    };
    const held = { deployment: seen, changesPods: true, manifest: { deployment, ...manifest } };
    if (service === undefined || previewName === undefined) return held;
    const reference = referenceOf(service);
    const traffic = { service: reference, selector: selectorOf(service) };
    return {
      ...held,
      manifest: { ...held.manifest, ...traffic },
      ...{ previewName, isPreviewTaken: false },
      ...defined({
        active: this.#service(reference, this.#active),
        preview: this.#service({ ...reference, name: previewName }, this.#preview),
        router: router === undefined ? undefined : this.#router({ ...reference, ...router }),
      }),
    };
  }

  #router(reference: ObjectReference): SeenRouter {
    return { reference, resourceVersion: '', share: this.#share, isInForce: true };
  }

  #service(reference: ObjectReference, selector: Selector | undefined): SeenService | undefined {
    if (selector === undefined) return undefined;
    return { reference, resourceVersion: '', selector, endpoints: this.#endpoints(selector) };
  }

  /** Ready pods that a selector picks, by their hash. */
  #endpoints(selector: Selector): Record<string, number> {
    const hash = selector[hashLabel];
    const picked = this.#sets.filter((set) => set.pods > 0 && (hash === undefined || set.hash === hash));
    return Object.fromEntries(picked.map((set) => [set.hash, set.pods]));
  }

  #setMark(step: string, before: RolloutFields): void {
    const { revision } = this.#begin;
    this.#mark = { revision, step, since: '', end: '', before, stable };
  }
}

function selectorOf(service: KubernetesObject): Selector {
  return (service as { spec?: { selector?: Selector } }).spec?.selector ?? {};
}
