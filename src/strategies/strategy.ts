import type * as z from '../base/zod.ts';
import type { Sample } from '../analysis/sample.ts';
import type { NamedAnalysis } from './analysis-names.ts';
import type { AnalysesByName } from '../analysis/settings.ts';
import type { Answer } from '../kubernetes/hold-mark.ts';
import type { Symptom } from '../kubernetes/symptom.ts';
import type { WorkloadState } from '../kubernetes/workload-state.ts';
import type { KubernetesObject, ObjectReference } from '../ports/kubernetes-object.ts';
import type { DeploymentHolding, HeldParts, HoldingAction } from './holding.ts';

/** What a release may do to the cluster. Data, so that it can be saved before it is done; doing one twice is harmless. */
export type Action =
  /** Brings every object of the revision to what the revision says (server-side apply). */
  | { type: 'apply'; revision: number }
  /** Deletes pods that would block the release or its rollback (a StatefulSet waits for its broken pod without end). */
  | { type: 'deletePods'; pods: readonly { reference: ObjectReference; uid: string }[] }
  /** Gives Services that kept their selector while pods of before served by it that of the revision. */
  | { type: 'select'; revision: number }
  /** Removes what the revision no longer has and what no kept revision needs. */
  | { type: 'cleanUp'; revision: number }
  /** Starts the Job of the revision that must complete before anything else of it is applied. */
  | { type: 'migrate' }
  /** Stops that Job, unless it has ended, and removes what was made for it. */
  | { type: 'endMigration' }
  /** Takes the next measurement of an analysis, whose samples are kept under `key`; `count`: which one it is, from 1. */
  | { type: 'measure'; analysis: string; key: string; count: number; candidate: string; stable: string }
  | HoldingAction;

/** What a strategy keeps of a release; `phase` is a word of its own, shown to people, and has a time limit. */
export interface StrategyState {
  phase: string;
}

/** What a strategy wants next. */
export type Decision<State extends StrategyState = StrategyState> =
  | { type: 'act'; action: Action; next: State; message: string }
  /** Nothing to do before something changes, or `forMs` milliseconds have passed. */
  | { type: 'wait'; forMs: number; message: string }
  | { type: 'done'; outcome: 'released' | 'rolledBack' }
  /** Stop here and leave everything as it is; a person must look. */
  | { type: 'halt'; reason: string; problem?: Problem }
  | { type: 'rollBack'; reason: string; problem?: Problem };

/** A symptom, and for how long it has been seen. */
export interface Problem extends Symptom {
  /** Milliseconds that this runner has seen it, while the API answered. */
  lastedMs: number;
}

/** A workload as it is now, and for how long that has been so. */
export interface ObservedWorkload extends Omit<WorkloadState, 'symptoms'> {
  /** Milliseconds that this runner has seen it complete without a break; undefined while it is not. */
  completeForMs?: number;
  problems: readonly Problem[];
}

/** What a strategy wants to see. */
export interface Observes {
  /** The revision whose workloads are followed. */
  workloadsOf?: number;
  /** A Job that is followed instead; it is none of the revision's objects. */
  job?: ObjectReference;
  /** The held Deployment of the revision in progress; `compared`: also whether the revision changes its pods. */
  holding?: 'seen' | 'compared';
}

/** What is seen of a release. */
export type Observed =
  | { type: 'seen'; workloads: readonly ObservedWorkload[]; holding?: DeploymentHolding }
  /** The API does not answer for the moment. Nothing is decided from that: a strategy waits. */
  | { type: 'unknown'; reason: string };

/** What every release has, whatever its strategy. */
export interface ReleaseFacts {
  revision: number;
  /** Revision to roll back to; missing for a first release. */
  stable?: number;
  /** Set when it is the objects, or the pods, of an earlier revision again: somebody has decided to go back to it. */
  rollbackOf?: number;
  /** Why the release is rolled back. */
  reason?: string;
  rollback: 'auto' | 'never';
  /** Milliseconds that a phase may take. */
  timeoutMs: number;
  /** Generation of each workload that the last apply changed, by key; older states of it say nothing. */
  generations: Readonly<Record<string, number>>;
}

/** What a decision is made from. */
export interface DecisionInput<
  Settings extends object = object,
  State extends StrategyState = StrategyState,
> {
  release: ReleaseFacts;
  settings: Settings;
  state: State;
  observed: Observed;
  /** The analyses of the release, and what they have measured by the key of the action; missing: it has none. */
  analyses?: { settings: AnalysesByName; samples: Readonly<Record<string, readonly Sample[]>> };
  /** Milliseconds that the phase has taken: spans that its runners measured by a monotonic clock, while the API answered. */
  phaseMs: number;
}

/** What a person may say to a release in progress that holds its Deployment. */
export type ReleaseWord = Answer['answer'] | 'pause' | 'detach';

/**
 * A point at which a release may stand still: no pod comes or goes, and no traffic moves, until it is continued. `moved`:
 * the new pods have the traffic already, and somebody has to watch that it can go back.
 */
export type Rest = 'before' | 'moved';

/** A wait of a release. */
export interface Waiting {
  /** `step 2 of 4: pause until promote` */
  text: string;
  /** Only a person ends it; otherwise time does, too. */
  forPerson: boolean;
}

/** Why a strategy cannot release these objects. */
export interface Refusal {
  /** What it is about; missing: what is not there. */
  object?: KubernetesObject;
  /** The field that it is about: `spec.strategy.type`. */
  field?: string;
  message: string;
  hint: string;
}

/**
 * A way of releasing. All of it is pure: no I/O, no clock, no memory; whatever a decision needs is in its input, so that
 * any runner, after any death, comes to the same one.
 */
export interface Strategy<Settings extends object = object, State extends StrategyState = StrategyState> {
  /** Its key below `deploy.strategy`. */
  readonly name: string;
  /** What stands below that key; kept with each revision. `{}` must be valid. */
  readonly settings: z.ZodMiniType<Settings>;
  /** What it keeps of a release that is in progress. */
  readonly state: z.ZodMiniType<State>;
  /** What of a release's objects it cannot release; missing: it releases everything. */
  refuses?(objects: readonly KubernetesObject[], settings: Settings): Refusal[];
  /** What of a release's objects it holds; missing: it holds nothing. undefined where it refuses them. */
  parts?(objects: readonly KubernetesObject[], settings: Settings): HeldParts | undefined;
  /** The analyses that its settings name, and where in them; missing: it uses none. */
  analyses?(settings: Settings): readonly NamedAnalysis[];
  /**
   * Milliseconds that a release waits by its settings, however fast its pods are; waiting for a person without an end does
   * not count. Missing: it waits for its pods alone.
   * @param analysisMs milliseconds that an analysis takes at least, by its name
   */
  pausesMs?(settings: Settings, analysisMs?: (name: string) => number): number;
  /** The objects of a release as this strategy wants them. */
  prepare(objects: readonly KubernetesObject[], settings: Settings): KubernetesObject[];
  /** The state in which a release begins. */
  begin(settings: Settings): State;
  observes(state: State, release: ReleaseFacts): Observes;
  /** From an unknown state no strategy may roll back, halt or be done. */
  decide(input: DecisionInput<Settings, State>): Decision<State>;
  /**
   * The state in which the way back begins, for a failure, an abort or a person's wish (`reason`); undefined when it has
   * begun already or the release is over.
   */
  rollBack(state: State, reason: string): State | undefined;
  /** What a person may say in a state, for then or for its next point of rest; missing: nothing. */
  answers?(state: State): readonly ReleaseWord[];
  /** Number of the step that waits for a person, counted from 1; missing: an answer is for the whole release. */
  waitingStep?(state: State): number | undefined;
  /**
   * Whether a release has changed nothing of the application in a state: its way back needs no revision to go back to, and
   * is taken whatever `rollback` says. Missing: it never has.
   */
  isUnchanged?(state: State): boolean;
  /** What it waits for in a state, with nothing else to do: `promote` continues it, `abort` rolls it back; missing: it never does. */
  waitsFor?(state: State, settings: Settings): Waiting | undefined;
  /** What a release with these settings has left is rolled back before another begins, also by this strategy; missing: its begin brings it to rest. */
  rollsBackLeft?(settings: Settings): boolean;
  /** Whether it may stand still in a state, as its Deployment is seen; missing: it never may. */
  rest?(state: State, holding: DeploymentHolding): Rest | undefined;
  /** Whether Kubernetes ends by itself what is left to do, so that an aborted runner need not stay for it. */
  finishesAlone(state: State): boolean;
  /** What the strategy will do, for `pipeline plan`. */
  steps(release: Pick<ReleaseFacts, 'stable' | 'rollback'>, settings: Settings): string[];
}
