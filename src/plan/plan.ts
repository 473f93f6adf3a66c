import type { AgentSpec } from '../ports/agent.ts';
import type { Environment, SecretSource } from '../ports/secrets.ts';
import type { AnyStageKind } from '../ports/stage.ts';
import type { ParameterValue, RetryPolicy } from '../spec/pipeline.ts';

/** What compilePlan is given beside the file. */
export interface PlanInputs {
  /** As on the command line; checked against the file's `parameters`. */
  parameters: Readonly<Record<string, string>>;
  /** What started the run: `type`, `ref`, `sha` ...; read by expressions as `trigger`. */
  trigger: Readonly<Record<string, string>>;
  /** Used where the file does not say. */
  defaults: { namespace: string; agentImage: string };
  /** The kinds that the file was parsed with. */
  kinds: readonly AnyStageKind[];
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
  /** May hold a template; missing: the agent's first container. */
  container?: string;
  /** Whether the stage works in the agent pod, by its kind. */
  needsAgent: boolean;
  timeoutMs?: number;
  retry: RetryPolicy;
  allowFailure: boolean;
}

/** The agent of a run, but for what only the run knows (its id, its owner, its deadline). */
export type PlannedAgent = Omit<AgentSpec, 'runId' | 'owner' | 'deadlineSeconds' | 'name'>;

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
  agent: PlannedAgent;
  /** In the order written; needs come before those that need them. Main nodes first, then the finally nodes. */
  nodes: readonly PlanNode[];
  /** Milliseconds from the run's start until its stages are stopped. */
  timeoutMs: number;
}
