import type { TrackState } from '../ports/events.ts';
import type { ObjectReference } from '../ports/kubernetes-object.ts';

/** What a release may do to the cluster. Data, so that it can be saved before it is done; doing one twice is harmless. */
export type Action =
  /** Brings every object of the revision to what the revision says (server-side apply). */
  | { type: 'apply'; revision: number }
  /** Deletes pods that would hold the way back up (a StatefulSet waits for its broken pod for ever). */
  | { type: 'deletePods'; pods: readonly { reference: ObjectReference; uid: string }[] }
  /** Removes what the revision no longer has and what no kept revision needs. */
  | { type: 'cleanUp'; revision: number };

/** What a strategy wants next. */
export type Decision =
  | { type: 'act'; action: Action; phase: string; message: string }
  /** Nothing to do before something changes, or `untilMs` (the runner's clock) has come. */
  | { type: 'wait'; untilMs: number; message: string }
  | { type: 'done' }
  /** Stop here and leave everything as it is; somebody must look. */
  | { type: 'halt'; reason: string; problem?: Problem }
  | { type: 'rollBack'; reason: string; problem?: Problem };

/** What kind of trouble a workload has. */
export type ProblemKind =
  | 'imagePull'
  | 'crashLoop'
  | 'configuration'
  | 'creation'
  | 'unschedulable'
  | 'deadline'
  | 'failed'
  | 'missing';

/** A symptom that Kubernetes shows. */
export interface Problem {
  kind: ProblemKind;
  /** One line with the names of what it is about. */
  message: string;
  /** The same as long as the symptom lasts. */
  key: string;
  /** Milliseconds that it may last before it counts as a failure; Infinity: it only explains. */
  graceMs: number;
  /** When this runner saw it first, by its own clock. */
  sinceMs: number;
  pod?: { namespace: string; name: string; container: string; restarted: boolean };
}

/** A workload as it is now, read from Kubernetes' own status. */
export interface WorkloadState {
  reference: ObjectReference;
  /** Kubernetes has taken up the state that was applied, all its pods are new, ready, and the old ones are gone. */
  settled: boolean;
  /** When this runner saw it settled first, without a break since; undefined while it is not. */
  settledSinceMs?: number;
  /** Whether a container of it has no readinessProbe: it is ready as soon as it runs, also when it is about to crash. */
  unprobed: boolean;
  paused: boolean;
  desired: number;
  updated: number;
  ready: number;
  /** What the new pods belong to: ReplicaSet name, controller revision. */
  revision: string | undefined;
  problems: readonly Problem[];
  tracks: readonly TrackState[];
  /** Pods of another revision than the wanted one that are not ready. */
  stuckPods: readonly { reference: ObjectReference; uid: string }[];
}

/** What is seen of a release. */
export interface Observed {
  workloads: readonly WorkloadState[];
}

/** Settings of `strategy.rolling`. */
export interface RollingSettings {
  name: 'rolling';
  /** Restarts after which a container in CrashLoopBackOff counts as failed. */
  restartLimit: number;
}

/** The settings of every strategy, by name. */
export type StrategySettings = RollingSettings;

/** Where a release stands; kept in the cluster. */
export interface ReleaseState {
  revision: number;
  strategy: StrategySettings;
  /** A word of the strategy's own; every strategy begins with `applying`, and `rollingBack` begins the way back. */
  phase: string;
  /** Milliseconds since 1970 by the clock of the runner that drives the release; set anew by whoever takes it up. */
  phaseStartedAt: number;
  /** Milliseconds that a phase may take. */
  timeoutMs: number;
  rollback: 'auto' | 'never';
  /** Revision to go back to; missing for a first release. */
  stable?: number;
  /** Why the release goes back. */
  reason?: string;
  /** Generation of each workload that the last apply changed, by key; older states of it say nothing. */
  generations: Record<string, number>;
}

/** What a decision is made from. */
export interface DecisionInput {
  state: ReleaseState;
  observed: Observed;
  /** Milliseconds since 1970. */
  now: number;
}

/**
 * A way of releasing. `decide` is pure: no I/O, no clock, no memory; whatever it needs to know is in its input, so
 * that any runner, after any death, comes to the same decision.
 */
export interface Strategy {
  readonly name: StrategySettings['name'];
  decide(input: DecisionInput): Decision;
  /** The revision whose workloads matter in this phase. */
  followed(state: ReleaseState): number | undefined;
  /** What the strategy will do, for `pipeline plan`. */
  steps(state: { stable?: number; rollback: 'auto' | 'never' }): string[];
}
