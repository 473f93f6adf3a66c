import { AgentError, type Agent, type Agents, type AgentSpec, type AgentView } from '../../../ports/agent.ts';
import type { CallOptions, Cluster } from '../../../ports/cluster.ts';
import {
  ConflictError,
  ForbiddenError,
  NotFoundError,
  QuotaError,
  RejectedError,
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
  log: Log;
}

/** {@link Agents}: pods of Kubernetes. */
export class KubernetesAgents implements Agents {
  readonly #parts: AgentsParts;
  readonly #agents = new Map<string, KubernetesAgent[]>();

  constructor(parts: AgentsParts) {
    this.#parts = parts;
  }

  async acquire(spec: AgentSpec, options: CallOptions): Promise<Agent> {
    const pod = buildAgentPod(spec);
    try {
      await this.#storeEnvironment(spec, pod.metadata.name, options);
      const { object, adopted } = await this.#createOrAdopt(spec, pod, options);
      return this.#handle(spec, object, adopted);
    } catch (error) {
      options.signal.throwIfAborted();
      throw refusal(error);
    }
  }

  async view(run: { runId: string; namespace: string }, { signal }: CallOptions): Promise<AgentView[]> {
    const { cluster, watches, settings, connection, log } = this.#parts;
    const labelSelector = `${runSelector(run.runId)},${labels.agent}`;
    const pods = await cluster.list(podKind, { namespace: run.namespace, labelSelector }, { signal });
    const stepContainers = new Set<string>(); // an ended container is the driver's business
    const { unschedulableMs } = settings;
    return pods
      .filter((pod) => pod.metadata.deletionTimestamp === undefined)
      .map((pod) => {
        const monitor = new PodMonitor({ cluster, watches, pod, stepContainers, unschedulableMs });
        return new KubernetesAgentView({ connection, monitor, pod, settings, log });
      });
  }

  async release(run: { runId: string; namespace: string }, { signal }: CallOptions): Promise<void> {
    const key = `${run.namespace}/${run.runId}`;
    for (const agent of this.#agents.get(key) ?? []) agent.dispose();
    this.#agents.delete(key);
    const { cluster } = this.#parts;
    const options = { signal, priority: 'urgent' } as const;
    const selection = {
      namespace: run.namespace,
      labelSelector: `${runSelector(run.runId)},${labels.agent}`,
    };
    const found = await Promise.all(
      [podKind, secretKind].map((kind) => this.#listed(kind, selection, options)),
    );
    await Promise.all(
      found.flat().map(async (object) => {
        const { uid } = object.metadata;
        const reference = { ...object, name: object.metadata.name, namespace: run.namespace };
        await cluster.delete(reference, { ...options, ...(uid === undefined ? {} : { uid }) });
      }),
    );
  }

  /** Ends what the agents of this process hold; the pods stay. */
  dispose(): void {
    for (const agent of [...this.#agents.values()].flat()) agent.dispose();
    this.#agents.clear();
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
    const { cluster, watches, settings, connection, log } = this.#parts;
    const stepContainers = new Set(spec.containers.map(({ name }) => name));
    const { unschedulableMs } = settings;
    const monitor = new PodMonitor({ cluster, watches, pod: object, stepContainers, unschedulableMs });
    const agent = new KubernetesAgent({
      connection,
      monitor,
      spec,
      pod: object.metadata.name,
      adopted,
      settings,
      log,
    });
    const key = `${spec.namespace}/${spec.runId}`;
    this.#agents.set(key, [...(this.#agents.get(key) ?? []), agent]);
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
    for (let told = false; ; told = true) {
      try {
        return await this.#parts.cluster.create(pod, options);
      } catch (error) {
        if (!(error instanceof QuotaError)) throw error;
        if (performance.now() - startedAt + quotaMs > spec.startTimeoutMs) throw error;
        const details = { pod: pod.metadata.name, reason: error.message };
        if (!told) this.#parts.log.warn('the agent pod waits for the quota of its namespace', details);
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
  const told = (problem: AgentError['problem'], message: string, hint?: string) =>
    new AgentError(problem, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
  if (error instanceof QuotaError)
    return told('quota', `the agent pod was refused by a quota: ${error.message}`, error.hint);
  if (error instanceof ForbiddenError)
    return told('forbidden', `the agent pod may not be made: ${error.message}`, error.hint);
  if (error instanceof RejectedError)
    return told('admission', `the agent pod was refused: ${error.message}`, error.hint);
  if (error instanceof NotFoundError) {
    return told(
      'admission',
      `the agent pod cannot be made: ${error.message}`,
      'create the namespace, or name another one',
    );
  }
  return error;
}
