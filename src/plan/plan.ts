import { InternalError } from '../base/errors.ts';
import type { AgentSpec } from '../ports/agent.ts';
import type { Environment, SecretSource } from '../ports/secrets.ts';
import type { StageDefinition } from '../ports/stage.ts';
import type { ParameterValue, RetryPolicy } from '../spec/pipeline.ts';

/** What compilePlan is given beside the file. */
export interface PlanInputs {
  /** As on the command line; checked against the file's `parameters`. */
  parameters: Readonly<Record<string, string>>;
  /** What started the run: `type`, `ref`, `sha` ...; read by expressions as `trigger`. */
  trigger: Readonly<Record<string, string>>;
  /** The agent's image where the file names no container. */
  defaultAgentImage: string;
  /** The kinds of stages that the file was parsed with. */
  definitions: readonly StageDefinition[];
}

/** One stage of a run: a stage of the file, or one cell of its matrix. */
export interface PlanNode {
  /** Unique in the plan: the stage's name, and its matrix values after dots (`test.1.linux`); letters, digits, `.`, `-`, `_`. */
  name: string;
  /** The stage's name in the file. */
  stage: string;
  kind: string;
  phase: 'main' | 'finally';
  /** Names of nodes that must be done before. */
  needs: readonly string[];
  /** CEL source, evaluated when the needs are done. */
  when?: string;
  matrix: Readonly<Record<string, ParameterValue>>;
  /** The kind's fields as written, templates not yet evaluated. */
  input: Readonly<Record<string, unknown>>;
  /** The stage's own env, templates not yet evaluated. */
  env: Environment;
  /** May hold a template; missing: the first container of its agent. */
  container?: string;
  /** Name of the agent that the stage works in, of `Plan.agents`. */
  agent: string;
  /** Whether the stage works in an agent pod, by its kind. */
  needsAgent: boolean;
  timeoutMs?: number;
  retry: RetryPolicy;
  allowFailure: boolean;
}

/** Name of the agent that the file's `agent` describes. */
export const mainAgent = 'main';

/** An agent of a run, but for what only the run knows (its id, its owner, its deadline) and its name. */
export type PlannedAgent = Omit<AgentSpec, 'runId' | 'owner' | 'deadlineSeconds' | 'name'>;

/**
 * A plan that does not yet have the namespace of the agents: the file is planned before a cluster is looked for, and the
 * cluster knows the namespace that counts when the file names none (`bindNamespace`).
 */
export type UnboundPlan = Omit<Plan, 'namespace' | 'agents'> & {
  /** As in the file. */
  namespace?: string;
  agents: Readonly<Record<string, Omit<PlannedAgent, 'namespace'>>>;
};

/** What a run will do: the file, with parameters and trigger applied. Plain data. */
export interface Plan {
  pipeline: string;
  namespace: string;
  /** Typed, defaults filled in. */
  parameters: Readonly<Record<string, ParameterValue>>;
  trigger: Readonly<Record<string, string>>;
  /** The run's env, templates not yet evaluated (they may read git). */
  env: Environment;
  secrets: Readonly<Record<string, SecretSource>>;
  /** By name; each is a pod of its own in the run's namespace, with a workspace of its own. */
  agents: Readonly<Record<string, PlannedAgent>>;
  /** In the order written; needs come before those that need them. Main nodes first, then the finally nodes. */
  nodes: readonly PlanNode[];
  /** Milliseconds from the run's start until its stages are stopped. */
  timeoutMs: number;
}

/** The agent that a node works in. @throws InternalError when the plan has none of that name */
export function agentOf(plan: Pick<Plan, 'agents'>, node: Pick<PlanNode, 'name' | 'agent'>): PlannedAgent {
  const agent = plan.agents[node.agent];
  if (agent !== undefined) return agent;
  throw new InternalError(`stage ${node.name} works in the agent "${node.agent}", which the plan has not`);
}
