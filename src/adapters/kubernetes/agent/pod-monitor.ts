import { defined } from '../../../base/defined.ts';
import { AgentError } from '../../../ports/agent.ts';
import type { Cluster } from '../../../ports/cluster.ts';
import { ForbiddenError } from '../../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import type { SharedWatches } from '../watch/shared-watch.ts';
import { managedSelector } from './agent-names.ts';
import { pause } from '../client/pause.ts';
import type { PodFacts, Verdict } from './pod-facts.ts';
import { describeWaiting, findPodProblem } from './pod-problem.ts';
import { parsePod, parsePodEvent, type PodEvent, type PodView } from './pod-status.ts';

const podKind = { apiVersion: 'v1', kind: 'Pod' };
const eventKind = { apiVersion: 'v1', kind: 'Event' };
/** How often facts that depend on time are looked at again while the pod starts. */
const tickMs = 1000;
/** What asking for the events of a lost pod may take. */
const diagnosisMs = 5000;
/** Events come a moment after what they explain: they are asked for again so often, so many milliseconds apart. */
const explanation = { tries: 6, pauseMs: 500 } as const;

/** What the monitor needs. */
export interface MonitorOptions {
  cluster: Pick<Cluster, 'list' | 'get'>;
  watches: SharedWatches;
  pod: KubernetesObject;
  stepContainers: ReadonlySet<string>;
  unschedulableMs: number;
}

/** Follows one pod by the shared watch and finds, as soon as Kubernetes knows, that it cannot do its work. */
export class PodMonitor {
  readonly #options: MonitorOptions;
  readonly #key: string;
  readonly #uid: string;
  readonly #failed = new AbortController();
  readonly #waiting = new Set<() => void>();
  readonly #startedAt = performance.now();
  readonly #leave: () => void;
  #leaveEvents: (() => void) | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #events: PodEvent[] = [];
  #seen = false;
  #last: KubernetesObject | undefined;
  #gone = false;
  #diagnosis: Promise<void> | undefined;
  #pod: PodView;

  constructor(options: MonitorOptions) {
    this.#options = options;
    const { metadata } = options.pod;
    this.#pod = parsePod(options.pod);
    this.#uid = this.#pod.metadata.uid;
    this.#key = `${metadata.namespace ?? ''}/${metadata.name}`;
    const namespace = metadata.namespace ?? '';
    const failed = (error: unknown) => this.#fail(watchError(error));
    this.#leave = options.watches.listen(
      podKind,
      { namespace, labelSelector: managedSelector },
      { changed: (objects) => this.#changed(objects.get(this.#key)), failed },
    );
    this.#leaveEvents = options.watches.listen(
      eventKind,
      { namespace, fieldSelector: 'involvedObject.kind=Pod' },
      { changed: (objects) => this.#eventsChanged(objects), failed: () => undefined }, // without events, messages say less
    );
    this.#ticker = setInterval(() => this.#judge(), tickMs).unref();
  }

  /** Aborted with an AgentError as soon as the pod cannot do its work any more. */
  get failure(): AbortSignal {
    return this.#failed.signal;
  }

  /** The grace period of a pod that is being deleted; 0 for one that is not, or has gone. Milliseconds. */
  get graceMs(): number {
    return this.#gone ? 0 : (this.#pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  }

  get pod(): PodView {
    return this.#pod;
  }

  /** What the pod is still waiting for, one line. */
  get waitingFor(): string {
    return describeWaiting({ pod: this.#pod, events: this.#events });
  }

  /**
   * Whether a container runs: by the pod's status, or by the event that the kubelet sends when it has started it, up
   * to a second before that.
   */
  isRunning(container: string): boolean {
    const statuses = this.#pod.status.containerStatuses ?? [];
    return (
      statuses.some(({ name, state }) => name === container && state.running !== undefined) ||
      this.#events.some(
        ({ reason, fieldPath }) => reason === 'Started' && fieldPath === `spec.containers{${container}}`,
      )
    );
  }

  /** Resolves when the pod is as wanted. @throws AgentError when it never will be; `signal.reason` */
  async until(wanted: (pod: PodView) => boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      this.failure.throwIfAborted();
      if (wanted(this.#pod)) return;
      await this.#change(signal);
    }
  }

  /** The start is over: events and times are not looked at any more. */
  started(): void {
    clearInterval(this.#ticker);
    this.#ticker = undefined;
    this.#leaveEvents?.();
    this.#leaveEvents = undefined;
  }

  /**
   * Asks the API itself whether the pod is there; for a failed call that may have met a pod that has gone. When it has,
   * `failure` is aborted by the time this resolves.
   */
  async confirm(signal: AbortSignal): Promise<void> {
    const { name, namespace } = this.#options.pod.metadata;
    const found = await this.#options.cluster.get(
      { ...podKind, name, ...defined({ namespace }) },
      { signal },
    );
    this.#seen = true;
    this.#changed(found);
    await this.#diagnosis;
  }

  /** Ends the monitor; those that still wait for the pod get an error. */
  dispose(): void {
    this.started();
    this.#leave();
    this.#failed.abort(
      new AgentError('deleted', `agent pod ${this.#pod.metadata.name} was abandoned by its run`),
    );
    this.#wake();
  }

  #changed(object: KubernetesObject | undefined): void {
    if (object !== undefined && object === this.#last) return; // another pod's change
    this.#last = object;
    const current = object?.metadata.uid === this.#uid ? object : undefined;
    if (current !== undefined) {
      this.#seen = true;
      this.#pod = parsePod(current);
    } else if (this.#seen) {
      this.#gone = true;
    }
    this.#judge();
    this.#wake();
  }

  #eventsChanged(objects: ReadonlyMap<string, KubernetesObject>): void {
    const own = [...objects.values()].filter((event) => isAbout(event, this.#uid));
    if (own.length === this.#events.length && own.length === 0) return;
    this.#events = own.map(parsePodEvent);
    this.#judge();
    this.#wake();
  }

  #judge(): void {
    if (this.failure.aborted || this.#diagnosis !== undefined) return;
    const verdict = findPodProblem(this.#facts());
    if (verdict === undefined) return;
    // Without the event watch the reason of a removal is still unknown.
    if (this.#leaveEvents === undefined || verdict.isUnexplained === true) this.#diagnosis = this.#diagnose();
    else this.#fail(new AgentError(verdict.problem, verdict.message, hintOf(verdict)));
  }

  async #diagnose(): Promise<void> {
    const signal = AbortSignal.timeout(diagnosisMs);
    let verdict: Verdict | undefined;
    try {
      for (let tried = 1; tried <= explanation.tries && !this.failure.aborted; tried += 1) {
        if (tried > 1) await pause(explanation.pauseMs, signal);
        const namespace = this.#pod.metadata.namespace;
        const selection = { namespace, fieldSelector: `involvedObject.uid=${this.#uid}` };
        const found = await this.#options.cluster.list(eventKind, selection, { signal });
        this.#events = found.map(parsePodEvent);
        verdict = findPodProblem(this.#facts());
        if (verdict?.isUnexplained !== true) break;
      }
    } catch {
      // The events would have said more; the status has said enough.
    }
    this.#diagnosis = undefined;
    verdict = findPodProblem(this.#facts());
    if (verdict !== undefined) this.#fail(new AgentError(verdict.problem, verdict.message, hintOf(verdict)));
  }

  #facts(): PodFacts {
    return {
      pod: this.#pod,
      events: this.#events,
      gone: this.#gone,
      ageMs: performance.now() - this.#startedAt,
      unschedulableMs: this.#options.unschedulableMs,
      stepContainers: this.#options.stepContainers,
    };
  }

  #fail(error: AgentError): void {
    this.#failed.abort(error);
    this.#wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

function isAbout({ involvedObject }: KubernetesObject, uid: string): boolean {
  return (involvedObject as { uid?: unknown } | undefined)?.uid === uid;
}

function hintOf({ hint }: { hint?: string }): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

function watchError(error: unknown): AgentError {
  const problem = error instanceof ForbiddenError ? 'forbidden' : 'nodeLost';
  return new AgentError(problem, `the agent pod cannot be watched: ${(error as Error).message}`, {
    cause: error,
  });
}
