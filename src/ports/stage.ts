import type * as z from '../base/zod.ts';
import type { Agent } from './agent.ts';
import type { Clock } from './clock.ts';
import type { CallOptions } from './cluster.ts';
import type { RunEvent, StageOutcome } from './events.ts';
import type { Environment, Secrets } from './secrets.ts';

/** What a stage's run gives back; infrastructure trouble is thrown, not returned. */
export interface StageResult {
  outcome: Extract<StageOutcome, 'succeeded' | 'failed' | 'rolledBack' | 'detached'>;
  /** Why it failed, one line. */
  message?: string;
  hint?: string;
  /** Seen by later stages as `stages.NAME.outputs.KEY`. */
  outputs: Record<string, string>;
  /** Environment for later stages ($SLIPWAY_ENV). */
  environment: Record<string, string>;
}

/** The runner's hold on the run; see Lease in ./leases.ts. */
export interface StageOwnership {
  /** Higher with each runner that resumes the run. */
  readonly fence: number;
  /** To be called before each act. @throws LeaseLostError when another runner owns the run */
  confirm(options: CallOptions): Promise<void>;
}

/** What a stage gets from the engine. */
export interface StageContext {
  run: { id: string; pipeline: string; namespace: string };
  stage: { name: string; attempt: number };
  /** That this runner owns the run; for what a run changes outside of its pod. */
  ownership: StageOwnership;
  /** The run's agent, ready to work; rejects with AgentError. */
  agent(): Promise<Agent>;
  /** The container of this stage, by `container:` or the default one. */
  container: string;
  /** Environment of the run, earlier stages' $SLIPWAY_ENV, the stage and its matrix, merged. */
  env: Environment;
  /** Working folder of the stage's scripts, relative to the agent's workspace: the checkout, or `.` before one. */
  workingDirectory: string;
  secrets: Secrets;
  /** What earlier stages put out, by stage name. */
  outputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Delivers an event to the reporters; await it where it carries output (back-pressure). */
  emit(event: RunEvent): Promise<void>;
  clock: Clock;
  /**
   * Outputs of the stage's earlier success, when it runs again only to bring its files back into a new agent pod;
   * a checkout takes that very commit (`sha`), wherever its branch points by now.
   */
  restoring?: Readonly<Record<string, string>>;
  /** Aborted on cancellation and at the stage's timeout. */
  signal: AbortSignal;
  /** Where the logs of steps that an earlier runner of this run has followed are to be followed from; see Agent.runStep. */
  offsets: Readonly<Record<string, number>>;
  /** Remembers the offset that was shown; cheap, may be called for every chunk. */
  saveOffset(stepId: string, offset: number): void;
}

/**
 * What a kind of stage is in the file, as plain data: enough to check, plan and describe a file without loading what
 * runs the stage. `fields` is its part of a stage: the key that names the kind (`run`, `checkout`, `image` ...) and what
 * may stand beside it.
 */
export interface StageDefinition {
  readonly key: string;
  /** zod shape, without the fields that every stage has (name, needs, when, matrix, retry, timeout, allowFailure, env, container). */
  readonly fields: z.core.$ZodShape;
  /** Paths of the input that are script text, e.g. `run` or `verify.script.run`: an expression there is an error. */
  readonly scripts: readonly string[];
  /** Paths of the input whose expressions may use names that the stage gives a value only when it has begun. */
  readonly lateNames?: { readonly at: readonly string[]; readonly names: readonly string[] };
  /** Paths of the input that name a secret of the file, e.g. `checkout.credentials`; checked before anything runs. */
  readonly secretNames?: readonly string[];
  /** Paths of the input that name a container of the agent. */
  readonly containerNames?: readonly string[];
  /** Whether a stage needs the agent pod: every one, none, or those whose input has something at one of these paths. */
  readonly needsAgent: boolean | readonly string[];
  /**
   * Checkout alone: its outputs become the `git` of expressions, and its output `directory` (relative to the workspace,
   * default `.`) the working folder of the stages after it.
   */
  readonly providesSource?: boolean;
  /** Whether running it again brings back what it left in the workspace, so that a lost agent pod can be replaced. */
  readonly restoresWorkspace?: boolean;
}

/**
 * A kind of stage, ready to run. The engine evaluates `${{ }}` in every string of the input that is not a script, parses
 * the result with the definition's `fields` again, and calls `run`.
 */
export interface StageKind<Input = never> {
  readonly definition: StageDefinition;
  run(input: Input, context: StageContext): Promise<StageResult>;
  /**
   * Undoes what a stage had begun outside of its pod, when it ends cancelled or timed out: what `run` had no time to
   * undo, or an earlier runner of the run, which died, had begun. The context's signal is another than that of `run`,
   * and the agent may be gone. Called for every stage that was stopped after it began; missing: there is nothing to undo.
   */
  undo?(input: Input, context: StageContext): Promise<void>;
}

/** A kind whose input type is known only to itself. */
export type AnyStageKind = StageKind;
