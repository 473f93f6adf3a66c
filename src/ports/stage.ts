import type * as z from '../base/zod.ts';
import type { Agent } from './agent.ts';
import type { Clock } from './clock.ts';
import type { RunEvent, StageOutcome } from './events.ts';
import type { Environment, Secrets } from './secrets.ts';

/** What a stage's run gives back; infrastructure trouble is thrown, not returned. */
export interface StageResult {
  outcome: Extract<StageOutcome, 'succeeded' | 'failed' | 'rolledBack'>;
  /** Why it failed, one line. */
  message?: string;
  hint?: string;
  /** Seen by later stages as `stages.NAME.outputs.KEY`. */
  outputs: Record<string, string>;
  /** Environment for later stages ($SLIPWAY_ENV). */
  environment: Record<string, string>;
}

/** What a stage gets from the engine. */
export interface StageContext {
  run: { id: string; pipeline: string; namespace: string };
  stage: { name: string; attempt: number };
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
 * A kind of stage. `fields` is its part of a stage in the file: the key that names the kind (`run`, `checkout`,
 * `image` ...) and what may stand beside it. The engine evaluates `${{ }}` in every string of the input that is not
 * a script, parses the result with `fields` again, and calls `run`.
 */
export interface StageKind<Input = never> {
  readonly key: string;
  /** zod shape, without the fields that every stage has (name, needs, when, matrix, retry, timeout, allowFailure, env, container). */
  readonly fields: z.core.$ZodShape;
  /** Paths of the input that are script text, e.g. `run` or `verify.script.run`: an expression there is an error. */
  readonly scripts: readonly string[];
  /** Paths of the input that name a secret of the file, e.g. `checkout.credentials`; checked before anything runs. */
  readonly secretNames?: readonly string[];
  /** Paths of the input that name a container of the agent. */
  readonly containerNames?: readonly string[];
  /** Whether this input needs the agent pod. */
  needsAgent(input: Input): boolean;
  /**
   * Checkout alone: its outputs become the `git` of expressions, and its output `directory` (relative to the workspace,
   * default `.`) the working folder of the stages after it.
   */
  readonly providesSource?: boolean;
  /** Whether running it again brings back what it left in the workspace, so that a lost agent pod can be replaced. */
  readonly restoresWorkspace?: boolean;
  run(input: Input, context: StageContext): Promise<StageResult>;
}

/** A kind whose input type is known only to itself. */
export type AnyStageKind = StageKind;
