import { defined } from '../base/defined.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { ancestorsOf } from '../spec/stage-order.ts';
import type { RunOutcome } from '../ports/events.ts';
import type { RunRecord, StageRecord } from '../ports/run-record.ts';
import type { AnyStageKind } from '../ports/stage.ts';
import { InternalError } from '../base/errors.ts';
import type { FinishedStage } from './dependencies.ts';
import { foldOutcome, type CountedStage } from './outcome.ts';
import { OutputLimits } from './output-limits.ts';
import { stageOf, type RecordWriter } from './record-writer.ts';
import { blocks, type NodeState } from './schedule.ts';

/** The state of a run: its plan joined with its record. */
export class RunState {
  readonly plan: Plan;
  readonly nodes: ReadonlyMap<string, PlanNode>;
  /** What stages hand on, within what the record holds. */
  readonly outputLimits: OutputLimits;
  readonly #writer: RecordWriter;
  readonly #kinds: ReadonlyMap<string, AnyStageKind>;
  readonly #needs: ReadonlyMap<string, readonly string[]>;
  /** Stages that ended by a fault of our own; not kept in the record, since a resumed run tries them again. */
  readonly #internal = new Set<string>();
  #stopped: Error | undefined;

  constructor(plan: Plan, writer: RecordWriter, kinds: readonly AnyStageKind[]) {
    this.plan = plan;
    this.outputLimits = new OutputLimits(writer.record);
    this.#writer = writer;
    this.#kinds = new Map(kinds.map((kind) => [kind.definition.key, kind]));
    this.nodes = new Map(plan.nodes.map((node) => [node.name, node]));
    this.#needs = new Map(plan.nodes.map((node) => [node.name, node.needs]));
  }

  get record(): RunRecord {
    return this.#writer.record;
  }

  kindOf(node: PlanNode): AnyStageKind {
    const kind = this.#kinds.get(node.kind);
    if (kind === undefined) throw new InternalError(`there is no kind of stage "${node.kind}"`);
    return kind;
  }

  recordOf(node: PlanNode): StageRecord {
    return stageOf(this.record, node.name);
  }

  markInternal(node: PlanNode): void {
    this.#internal.add(node.name);
  }

  /** Sets why the main stages were stopped, for the finally stages to read as `run.status`. */
  setStopped(reason: Error | undefined): void {
    this.#stopped = reason;
  }

  /** The run's outcome if it ended now. */
  outcomeSoFar(): RunOutcome {
    return foldOutcome(this.counted(), this.#stopped).outcome;
  }

  nodesOf(phase: PlanNode['phase']): PlanNode[] {
    return this.plan.nodes.filter((node) => node.phase === phase);
  }

  /** Nodes whose results a node sees: all that it waits for; for a finally stage all main ones too. */
  visibleTo(node: PlanNode): PlanNode[] {
    const before = ancestorsOf(node.name, this.#needs);
    return this.plan.nodes.filter(
      ({ name, phase }) => before.has(name) || (node.phase === 'finally' && phase === 'main'),
    );
  }

  /** Where every node stands. A node is blocked by what it needs, so that follows from the record. */
  states(): Map<string, NodeState> {
    const states = new Map<string, NodeState>();
    for (const node of this.plan.nodes) {
      const { state, outcome } = this.recordOf(node);
      const blocked =
        outcome === 'skipped' &&
        node.phase === 'main' &&
        node.needs.some((need) => blocks(this.nodes.get(need), states.get(need)));
      states.set(node.name, { state, ...defined({ outcome }), blocked });
    }
    return states;
  }

  /** The done stages, in the plan's order. */
  finished(): FinishedStage[] {
    return this.plan.nodes.flatMap((node) => {
      const record = this.recordOf(node);
      return record.state === 'done' ? [finishedStage(node, record)] : [];
    });
  }

  counted(): CountedStage[] {
    return this.finished().map((stage) => ({ ...stage, internal: this.#internal.has(stage.name) }));
  }
}

/** A stage's record as the result that others see. */
export function finishedStage(node: PlanNode, record: StageRecord): FinishedStage {
  const { outcome = 'succeeded', startedAt, finishedAt, message, hint } = record;
  return {
    name: node.name,
    kind: node.kind,
    phase: node.phase,
    outcome,
    attempts: record.attempt,
    durationMs: startedAt === undefined || finishedAt === undefined ? 0 : Math.max(0, finishedAt - startedAt),
    ...defined({ message, hint }),
    outputs: record.outputs,
    allowedToFail: node.allowFailure,
  };
}
