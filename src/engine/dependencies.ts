import type { Agents } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Reporter, RunOutcome, StageOutcome } from '../ports/events.ts';
import type { Lease, Leases } from '../ports/leases.ts';
import type { RunRecord, RunStore, StoredRun } from '../ports/run-record.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { AnyStageKind } from '../ports/stage.ts';
import type { Plan } from '../plan/plan.ts';

/** Everything that the engine reaches the world through; made by the composition root, once a run. */
export interface EngineDependencies {
  /** The same kinds that the file was parsed with. */
  kinds: readonly AnyStageKind[];
  agents: Pick<Agents, 'acquire' | 'release' | 'view'>;
  store: RunStore;
  /** One runner at a time owns a run. */
  leases: Leases;
  /** Reads the plan's `secrets`. */
  secrets: Secrets;
  /** Gets every event, numbered and timed by the engine, one at a time, in order. The engine does not close it. */
  reporter: Reporter;
  /**
   * Whether a reporter keeps whole logs and lacks that of a step of an earlier runner: then it is emitted from its
   * beginning. Missing: no reporter keeps them.
   */
  lacksLog?: (stepId: string) => boolean;
  clock: Clock;
}

/** Settings of the engine; each has a default. */
export interface EngineOptions {
  /** Stages running at once; default 8. */
  maxParallelStages?: number;
  /** Leave the agent pod at the end; default false. */
  keepAgent?: boolean;
  /**
   * Milliseconds that a stage may take to end after its signal was aborted, then it is abandoned; and after that to undo
   * what it had begun. Default 60,000.
   */
  stageGraceMs?: number;
  /** Milliseconds for all finally stages together; default 600,000. */
  finallyMs?: number;
  /** Milliseconds for removing the agent and writing the last record; default 30,000. */
  cleanupMs?: number;
  /** Milliseconds between looks for `pipeline cancel` in the stored record; default 5,000. */
  cancelPollMs?: number;
}

/** A run to begin. */
export interface StartRequest {
  plan: Plan;
  /** A ULID. */
  runId: string;
  /** Kept in the record, so that resume can plan the same run again. */
  source: { file: string; text: string };
  parameters: Readonly<Record<string, string>>;
  /** How the cluster is called in output: the context's name, `in-cluster`, `sandbox`. */
  cluster: string;
  /** Who owns the run, unique to this process: host, pid and something random. */
  holder: string;
  /** Where this runner keeps the logs, for the record. */
  logs?: RunRecord['logs'];
  options?: EngineOptions;
}

/** A run to resume. The plan is compiled again from `stored.record` (source, parameters, trigger). */
export interface ResumeRequest {
  plan: Plan;
  stored: StoredRun;
  cluster: string;
  holder: string;
  logs?: RunRecord['logs'];
  options?: EngineOptions;
}

/** A run with its record made and its lease held; what startRun and resumeRun hand to executeRun. */
export interface ExecuteRequest {
  plan: Plan;
  stored: StoredRun;
  lease: Lease;
  cluster: string;
  resumed: boolean;
  options?: EngineOptions;
}

/** How one stage of a run ended. */
export interface FinishedStage {
  name: string;
  kind: string;
  phase: 'main' | 'finally';
  outcome: StageOutcome;
  attempts: number;
  durationMs: number;
  message?: string;
  hint?: string;
  outputs: Readonly<Record<string, string>>;
  allowedToFail: boolean;
}

/** How a run ended. `outcome` decides the exit code. */
export interface RunResult {
  runId: string;
  outcome: RunOutcome;
  /** Since the run began, the time without a runner included. */
  durationMs: number;
  /** Why, one line; missing when it succeeded. */
  message?: string;
  hint?: string;
  /** In the plan's order. */
  stages: readonly FinishedStage[];
}
