import type { AgentProblem } from './agent.ts';
import type { TestSummary } from './test-report.ts';

/** How a stage ended; `detached`: its release waits in the cluster, without a runner. */
export type StageOutcome =
  | 'succeeded'
  | 'failed'
  | 'infrastructure'
  | 'skipped'
  | 'cancelled'
  | 'rolledBack'
  | 'detached'
  | 'timedOut';

/** How a run ended. */
export type RunOutcome =
  | 'succeeded'
  | 'failed'
  | 'infrastructure'
  | 'aborted'
  | 'rolledBack'
  | 'detached'
  | 'interrupted'
  | 'internal';

/** Pods of one side of a release. */
export interface TrackState {
  name: 'stable' | 'candidate';
  /** What it is, e.g. ReplicaSet name. */
  workload: string;
  image: string;
  desired: number;
  ready: number;
  /** Percent of traffic. */
  weight: number;
}

/** What happens in a run, in order. `stage` is the stage's name with its matrix values, unique in the run. */
export type RunEvent =
  | {
      type: 'run.started';
      pipeline: string;
      cluster: string;
      namespace: string;
      stages: readonly { name: string; kind: string; needs: readonly string[]; phase: 'main' | 'finally' }[];
      resumed: boolean;
    }
  | { type: 'run.finished'; outcome: RunOutcome; durationMs: number; message?: string; hint?: string }
  | { type: 'agent.created'; pod: string; namespace: string }
  | { type: 'agent.progress'; pod: string; message: string }
  | { type: 'agent.ready'; pod: string; durationMs: number }
  | { type: 'agent.problem'; pod: string; problem: AgentProblem; message: string }
  | { type: 'agent.removed'; pod: string }
  | { type: 'agent.kept'; pod: string; namespace: string; containers: readonly string[] }
  | { type: 'stage.started'; stage: string; kind: string; attempt: number }
  | { type: 'stage.retrying'; stage: string; attempt: number; delayMs: number; message: string }
  | {
      type: 'stage.finished';
      stage: string;
      kind: string;
      outcome: StageOutcome;
      durationMs: number;
      message?: string;
      hint?: string;
      outputs: Readonly<Record<string, string>>;
      allowedToFail: boolean;
    }
  /**
   * Bytes of a step's log, in order, each once; masked before any reporter sees them. `end` closes the step's stream.
   * `id` is the step's in its pod. `shownBefore`: an earlier runner has shown it; it comes again for those who keep whole
   * logs, and so that lines and secrets that stand across the seam are seen whole. It is not to be shown.
   */
  | {
      type: 'step.output';
      stage: string;
      step: string;
      id: string;
      chunk: Buffer;
      offset: number;
      shownBefore?: true;
    }
  | { type: 'step.end'; stage: string; step: string; id: string; exitCode?: number; shownBefore?: true }
  | { type: 'tests.collected'; stage: string; summary: TestSummary }
  | { type: 'artifacts.collected'; stage: string; files: readonly string[]; bytes: number; directory: string }
  | { type: 'image.progress'; stage: string; message: string }
  | { type: 'image.pushed'; stage: string; reference: string; digest: string; bytes?: number }
  | {
      type: 'release.progress';
      stage: string;
      application: string;
      phase: string;
      message: string;
      tracks: readonly TrackState[];
    }
  | { type: 'verify.attempt'; stage: string; attempt: number; passed: boolean; message: string }
  /**
   * Something a person should know: what was found, chosen, generated. `endTells`: the end of the stage tells it again,
   * unless the stage is stopped before.
   */
  | { type: 'notice'; stage?: string; level: 'info' | 'warning'; message: string; endTells?: true };

/** An event with its run, its time (milliseconds since 1970) and its number in the run, from 1. */
export type TimedEvent = RunEvent & { runId: string; at: number; sequence: number };

/**
 * A consumer of run events. `handle` is awaited: a slow one slows the followed logs, never the steps. It must not
 * throw: the composer of reporters catches and logs what does.
 */
export interface Reporter {
  handle(event: TimedEvent): Promise<void> | void;
  /** Called once after the last event; flushes what is open. */
  close(): Promise<void>;
}
