import { defined } from '../../../base/defined.ts';
import { AgentError, type Agent, type Agents, type AgentSpec, type AgentView } from '../../../ports/agent.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../../ports/cluster.ts';
import {
  ConflictError,
  ForbiddenError,
  NotFoundError,
  QuotaError,
  RejectedError,
  TerminatingError,
} from '../../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import type { Connection } from '../client/connection.ts';
import { pause } from '../client/pause.ts';
import type { Log } from '../log.ts';
import type { KubernetesSettings } from '../settings.ts';
import type { SharedWatches } from '../watch/shared-watch.ts';
import { labels, labelValue, runSelector } from './agent-names.ts';
import { buildAgentPod, environmentSecretKey, environmentSecretName } from './agent-pod.ts';
import { KubernetesAgentView } from './agent-view.ts';
import { sharedProcesses } from './control-volumes.ts';
import { KubernetesAgent } from './agent.ts';
import { PodMonitor } from './pod-monitor.ts';
import { parsePod } from './pod-status.ts';
import { resolveEnvironment } from './step-environment.ts';

const podKind = { apiVersion: 'v1', kind: 'Pod' };
const secretKind = { apiVersion: 'v1', kind: 'Secret' };
/** How often a pod that a quota refused is tried again. */
const quotaMs = 2000;

/** What making agents needs. */
export interface AgentsParts {
  cluster: Cluster;
  connection: Connection;
  watches: SharedWatches;
  settings: KubernetesSettings;
  clock: Clock;
  log: Log;
}

/** An agent of this process, by the name that it was acquired by. */
interface HeldAgent {
  name: string;
  agent: KubernetesAgent;
}

/** {@link Agents}: pods of Kubernetes. */
export class KubernetesAgents implements Agents {
  readonly #parts: AgentsParts;
  /** By namespace and run. */
  readonly #agents = new Map<string, HeldAgent[]>();

  constructor(parts: AgentsParts) {
    this.#parts = parts;
  }

  async acquire(spec: AgentSpec, options: CallOptions): Promise<Agent> {
    const pod = buildAgentPod(spec);
    const shared = sharedProcesses(pod['spec']);
    if (shared !== undefined) {
      const message = `agent.podTemplate sets ${shared}: a step can read the secrets of steps in other containers`;
      this.#parts.log.warn(message, { pod: pod.metadata.name });
    }
    try {
      await this.#storeEnvironment(spec, pod.metadata.name, options);
      const { object, adopted } = await this.#createOrAdopt(spec, pod, options);
      return this.#handle(spec, object, adopted);
    } catch (error) {
      options.signal.throwIfAborted();
      throw refusal(error);
    }
  }

  /**
   * Asks the API whether it would take the agent's pod, and makes nothing (a dry run).
   * @throws AgentError as {@link acquire} does
   */
  async rehearse(spec: AgentSpec, options: CallOptions): Promise<void> {
    try {
      await this.#parts.cluster.create(buildAgentPod(spec), { ...options, dryRun: true });
    } catch (error) {
      options.signal.throwIfAborted();
      throw refusal(error);
    }
  }

  async view(run: { runId: string; namespace: string }, { signal }: CallOptions): Promise<AgentView[]> {
    const { cluster, watches, settings, connection, clock, log } = this.#parts;
    const labelSelector = `${runSelector(run.runId)},${labels.agent}`;
    const pods = await cluster.list(podKind, { namespace: run.namespace, labelSelector }, { signal });
    const stepContainers = new Set<string>(); // an ended container is the owner's business
    const { unschedulableMs } = settings;
    return pods
      .filter((pod) => pod.metadata.deletionTimestamp === undefined)
      .map((pod) => {
        const monitor = new PodMonitor({ cluster, watches, pod, stepContainers, unschedulableMs });
        return new KubernetesAgentView({ connection, monitor, pod, settings, clock, log });
      });
  }

  async release(run: { runId: string; namespace: string; agent?: string }, call: CallOptions): Promise<void> {
    this.#dispose(run);
    const { cluster } = this.#parts;
    const options = { ...call, priority: 'urgent' } as const;
    const agents = run.agent === undefined ? labels.agent : `${labels.agent}=${labelValue(run.agent)}`;
    const selection = { namespace: run.namespace, labelSelector: `${runSelector(run.runId)},${agents}` };
    const found = await Promise.all(
      [podKind, secretKind].map((kind) => this.#listed(kind, selection, options)),
    );
    await Promise.all(
      found.flat().map(async (object) => {
        const { uid } = object.metadata;
        const reference = { ...object, name: object.metadata.name, namespace: run.namespace };
        await cluster.delete(reference, { ...options, ...defined({ uid }) });
      }),
    );
  }

  /** Ends what the agents of this process hold; the pods stay. */
  dispose(): void {
    for (const { agent } of [...this.#agents.values()].flat()) agent.dispose();
    this.#agents.clear();
  }

  #dispose(run: { runId: string; namespace: string; agent?: string }): void {
    const key = `${run.namespace}/${run.runId}`;
    const kept: HeldAgent[] = [];
    for (const held of this.#agents.get(key) ?? []) {
      if (run.agent === undefined || run.agent === held.name) held.agent.dispose();
      else kept.push(held);
    }
    if (kept.length === 0) this.#agents.delete(key);
    else this.#agents.set(key, kept);
  }

  /** Secrets may be out of bounds for the runner, who then made none. */
  async #listed(
    kind: typeof podKind,
    selection: { namespace: string; labelSelector: string },
    options: CallOptions,
  ): Promise<KubernetesObject[]> {
    try {
      return await this.#parts.cluster.list(kind, selection, options);
    } catch (error) {
      if (error instanceof ForbiddenError && kind === secretKind) return [];
      if (error instanceof NotFoundError) return []; // the namespace has gone, and all in it
      throw error;
    }
  }

  #handle(spec: AgentSpec, object: KubernetesObject, adopted: boolean): Agent {
    const { cluster, watches, settings, connection, clock, log } = this.#parts;
    const stepContainers = new Set(spec.containers.map(({ name }) => name));
    const { unschedulableMs } = settings;
    const monitor = new PodMonitor({ cluster, watches, pod: object, stepContainers, unschedulableMs });
    const agent = new KubernetesAgent({
      connection,
      monitor,
      spec,
      pod: object.metadata.name,
      id: object.metadata.uid ?? object.metadata.name,
      adopted,
      settings,
      clock,
      log,
    });
    const key = `${spec.namespace}/${spec.runId}`;
    this.#agents.set(key, [...(this.#agents.get(key) ?? []), { name: spec.name, agent }]);
    return agent;
  }

  async #createOrAdopt(
    spec: AgentSpec,
    pod: KubernetesObject,
    options: CallOptions,
  ): Promise<{ object: KubernetesObject; adopted: boolean }> {
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? pod.metadata.name : `${pod.metadata.name}-${String(number)}`;
      const wanted = { ...pod, metadata: { ...pod.metadata, name } };
      try {
        return { object: await this.#create(wanted, spec, options), adopted: false };
      } catch (error) {
        if (!(error instanceof ConflictError) || number > 100) throw error;
      }
      const alive = await this.#find(spec, options);
      if (alive !== undefined) return { object: alive, adopted: true };
      // The pod of that name has failed or is going away; its successor takes the next name.
    }
  }

  /** A quota may let the pod in later: it is tried until the start timeout. */
  async #create(pod: KubernetesObject, spec: AgentSpec, options: CallOptions): Promise<KubernetesObject> {
    const startedAt = performance.now();
    for (let reported = false; ; reported = true) {
      try {
        return await this.#parts.cluster.create(pod, options);
      } catch (error) {
        if (!(error instanceof QuotaError) || error.isFinal) throw error;
        if (performance.now() - startedAt + quotaMs > spec.startTimeoutMs) throw error;
        const details = { pod: pod.metadata.name, reason: error.message };
        if (!reported) this.#parts.log.warn('the agent pod waits for the quota of its namespace', details);
        await pause(quotaMs * (0.75 + Math.random() / 2), options.signal);
      }
    }
  }

  async #find(spec: AgentSpec, options: CallOptions): Promise<KubernetesObject | undefined> {
    const labelSelector = `${runSelector(spec.runId)},${labels.agent}=${labelValue(spec.name)}`;
    const pods = await this.#parts.cluster.list(
      podKind,
      { namespace: spec.namespace, labelSelector },
      options,
    );
    return pods.find((object) => {
      const { metadata, status } = parsePod(object);
      return metadata.deletionTimestamp === undefined && ['Pending', 'Running'].includes(status.phase);
    });
  }

  /** Secret variables of containers travel as a Secret of the run's own. */
  async #storeEnvironment(spec: AgentSpec, podName: string, options: CallOptions): Promise<void> {
    const data: Record<string, string> = {};
    for (const container of [...spec.containers, ...spec.services]) {
      const secret = Object.entries(container.env).filter(([, value]) => value.type === 'secret');
      const values = await resolveEnvironment(Object.fromEntries(secret), spec.secrets, options.signal);
      for (const [name, value] of Object.entries(values)) {
        data[environmentSecretKey(container.name, name)] = Buffer.from(value).toString('base64');
      }
    }
    if (Object.keys(data).length === 0) return;
    const secret = {
      ...secretKind,
      metadata: {
        name: environmentSecretName(podName),
        namespace: spec.namespace,
        labels: {
          [labels.managedBy]: 'slipway',
          [labels.run]: labelValue(spec.runId),
          [labels.pipeline]: labelValue(spec.pipeline),
          [labels.agent]: labelValue(spec.name),
        },
        ...(spec.owner === undefined
          ? {}
          : { ownerReferences: [{ ...spec.owner, blockOwnerDeletion: false }] }),
      },
      type: 'Opaque',
      data,
    };
    await this.#parts.cluster.apply(secret, { ...options, force: true });
  }
}

/** What a refused pod means to a run. */
function refusal(error: unknown): unknown {
  const failure = (problem: AgentError['problem'], message: string, hint?: string) =>
    new AgentError(problem, message, { cause: error, ...defined({ hint }) });
  if (error instanceof QuotaError)
    return failure('quota', `the agent pod was refused by a quota: ${error.message}`, error.hint);
  if (error instanceof ForbiddenError)
    return failure('forbidden', `not allowed to create the agent pod: ${error.message}`, error.hint);
  if (error instanceof RejectedError) {
    const hint = error.message.includes('violates PodSecurity')
      ? 'docs/agents.md, "Pod Security", has a podTemplate that the level restricted takes'
      : error.hint;
    return failure('admission', `the agent pod was refused: ${error.message}`, hint);
  }
  if (error instanceof NotFoundError || error instanceof TerminatingError) {
    return failure(
      'namespaceGone',
      `cannot create the agent pod: ${error.message}`,
      'create the namespace, or use another one',
    );
  }
  return error;
}
