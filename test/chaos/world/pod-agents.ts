import {
  agentPodName,
  labels,
  labelValue,
  runSelector,
} from '../../../src/adapters/kubernetes/agent/agent-names.ts';
import type { Agent, Agents, AgentSpec, RunStepOptions, Step, StepResult } from '../../../src/ports/agent.ts';
import type { CallOptions, Cluster } from '../../../src/ports/cluster.ts';
import { ConflictError } from '../../../src/ports/cluster-errors.ts';
import type { ScriptedAgents } from '../../fakes/scripted-agents.ts';

const podKind = { apiVersion: 'v1', kind: 'Pod' };

/** How a process reaches what is in a pod. */
export interface PodLine {
  /** Resolves when the process runs and has a way to the cluster; never when it is dead. */
  connected(): Promise<void>;
}

/**
 * Agents of one process: the pod is an object of the API, made, adopted and removed through the process's own client;
 * what its steps do is scripted, and goes on whoever follows it.
 */
export class PodAgents implements Pick<Agents, 'acquire' | 'release' | 'view'> {
  readonly #cluster: Cluster;
  readonly #scripted: ScriptedAgents;
  readonly #line: PodLine;

  constructor(cluster: Cluster, scripted: ScriptedAgents, line: PodLine) {
    this.#cluster = cluster;
    this.#scripted = scripted;
    this.#line = line;
  }

  async acquire(spec: AgentSpec, options: CallOptions): Promise<Agent> {
    const name = agentPodName(spec);
    const { namespace, runId, owner } = spec;
    const pod = {
      ...podKind,
      metadata: {
        name,
        namespace,
        labels: { [labels.managedBy]: 'slipway', [labels.run]: labelValue(runId), [labels.agent]: spec.name },
        ...(owner === undefined ? {} : { ownerReferences: [owner] }),
      },
      spec: {},
    };
    const found = await this.#cluster.get({ ...podKind, name, namespace }, options);
    if (found === undefined) {
      await this.#cluster.create(pod, options).catch((error: unknown) => {
        if (!(error instanceof ConflictError)) throw error;
      });
    }
    const agent = await this.#scripted.acquire(spec, options);
    return { ...agent, runStep: (step, follow) => this.#follow(agent, step, follow) };
  }

  async release(run: { runId: string; namespace: string }, options: CallOptions): Promise<void> {
    const { runId, namespace } = run;
    const pods = await this.#cluster.list(podKind, { namespace, labelSelector: runSelector(runId) }, options);
    for (const { metadata } of pods) {
      const { name, uid = '' } = metadata;
      await this.#cluster.delete({ ...podKind, name, namespace }, { ...options, uid });
    }
  }

  view(run: { runId: string; namespace: string }, options: CallOptions) {
    return this.#scripted.view(run, options);
  }

  /** What the pod says arrives only where there is a way, and where somebody runs who hears it. */
  async #follow(agent: Agent, step: Step, options: RunStepOptions): Promise<StepResult> {
    await this.#line.connected();
    const { onOutput } = options;
    const result = await agent.runStep(step, {
      ...options,
      onOutput: async (chunk, offset) => {
        await this.#line.connected();
        await onOutput(chunk, offset);
      },
    });
    await this.#line.connected();
    return result;
  }
}
