import type { Resources, ServiceReadiness } from '../ports/agent.ts';
import type { Environment, SecretSource } from '../ports/secrets.ts';

/** A parameter's value, typed as the file declares it. */
export type ParameterValue = string | number | boolean;

/** A parameter that a run may be given. */
export type Parameter =
  | { type: 'string'; default?: string; pattern?: string; required: boolean; description?: string }
  | { type: 'choice'; options: readonly string[]; default?: string; required: boolean; description?: string }
  | { type: 'boolean'; default?: boolean; required: boolean; description?: string }
  | { type: 'number'; default?: number; required: boolean; description?: string };

/** What a retry may follow: trouble of the cluster or the network, or the stage's own failure. */
export type RetryReason = 'infrastructure' | 'failure';

/** When and how often a stage is tried again. */
export interface RetryPolicy {
  /** Further attempts after the first; 0 for none. */
  max: number;
  on: readonly RetryReason[];
  /** Milliseconds before the second attempt; doubled before each further one. */
  backoffMs: number;
}

/** Matrix keys to the values that a stage is multiplied by. */
export type Matrix = Readonly<Record<string, readonly ParameterValue[]>>;

/** A stage as written. Strings of `env`, `container` and `input` may hold `${{ }}`, except script text. */
export interface PipelineStage {
  name: string;
  /** The key of its kind: `run`, `checkout` ... */
  kind: string;
  /** The kind's own fields as written, the key of the kind included; checked, not yet evaluated. */
  input: Readonly<Record<string, unknown>>;
  /** Missing: after everything written before it. */
  needs?: readonly string[];
  /** CEL source. */
  when?: string;
  matrix?: Matrix;
  retry: RetryPolicy;
  timeoutMs?: number;
  allowFailure: boolean;
  env: Environment;
  container?: string;
}

/** A container of the agent as written; `env` and strings may hold `${{ }}` over params and trigger. */
export interface ContainerSettings {
  image: string;
  env: Environment;
  resources?: Resources;
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
}

/** A service beside the agent's containers. */
export interface ServiceSettings extends ContainerSettings {
  command?: readonly string[];
  args?: readonly string[];
  ready?: ServiceReadiness;
  privileged?: boolean;
}

/** `agent:` of the file. */
export interface AgentSettings {
  /** Missing: the namespace that the runner was told or found. */
  namespace?: string;
  containers: Readonly<Record<string, ContainerSettings>>;
  services: Readonly<Record<string, ServiceSettings>>;
  podTemplate?: Record<string, unknown>;
  imagePullSecrets: readonly string[];
  cacheClaim?: string;
  startTimeoutMs: number;
}

/** `app.yaml`, valid. Everything the plan is made from; no YAML and no schema behind this line. */
export interface Pipeline {
  name: string;
  parameters: Readonly<Record<string, Parameter>>;
  env: Environment;
  secrets: Readonly<Record<string, SecretSource>>;
  agent: AgentSettings;
  stages: readonly PipelineStage[];
  finally: readonly PipelineStage[];
  /** Milliseconds from the run's start until its stages are stopped. */
  timeoutMs: number;
}
