import { defined } from '../base/defined.ts';
import { InputError } from '../base/errors.ts';
import { evaluateText } from '../expressions/evaluate.ts';
import { matrixVariable } from '../plan/matrix.ts';
import { agentOf, type PlanNode } from '../plan/plan.ts';
import type { ExpressionScope, StageFacts } from '../expressions/scope.ts';
import type { Environment, EnvironmentValue } from '../ports/secrets.ts';
import type { StageRecord } from '../ports/run-record.ts';
import type { RunState } from './run-state.ts';

/** What a stage sees of the run, but for the agent's own. */
export interface StageView {
  scope: ExpressionScope;
  env: Environment;
  /** By the stage's name in the file and by the node's name. */
  outputs: Record<string, Record<string, string>>;
  /** Relative to the workspace. */
  workingDirectory: string;
}

/** Where the view comes from. */
export interface ViewOptions {
  hashFiles: NonNullable<ExpressionScope['hashFiles']>;
  /** Absolute path in the agent; missing for stages that need none. */
  workspace?: string;
}

/** The scope without any env. */
function scopeOf(state: RunState, node: PlanNode, options: ViewOptions): ExpressionScope {
  const visible = state.visibleTo(node);
  const { record, plan } = state;
  return {
    params: plan.parameters,
    git: sourceOf(state, visible),
    trigger: plan.trigger,
    run: {
      id: record.runId,
      pipeline: record.pipeline,
      namespace: record.namespace,
      status: state.outcomeSoFar(),
    },
    stages: factsOf(state, visible),
    matrix: node.matrix,
    env: {},
    hashFiles: options.hashFiles,
  };
}

/**
 * What a node sees when it starts. Its environment is, later ones winning: CI, the run's `env`, what earlier stages set
 * in `$SLIPWAY_ENV`, the stage's `env`, its matrix values, and Slipway's own.
 * @throws InputError when an expression fails
 */
export async function viewOf(state: RunState, node: PlanNode, options: ViewOptions): Promise<StageView> {
  const visible = state.visibleTo(node);
  const base = scopeOf(state, node, options);
  const run = await evaluateEnvironment(state.plan.env, base);
  const earlier = Object.assign({}, ...visible.map((other) => state.recordOf(other).environment)) as Record<
    string,
    string
  >;
  const inherited: Environment = { CI: plain('true'), ...run, ...plains(earlier) };
  const own = await evaluateEnvironment(node.env, { ...base, env: readable(inherited) });
  const matrix = Object.entries(node.matrix).map(
    ([key, value]) => [matrixVariable(key), String(value)] as const,
  );
  const reported = {
    SLIPWAY_RUN: state.record.runId,
    SLIPWAY_STAGE: node.name,
    ...defined({ SLIPWAY_WORKSPACE: options.workspace }),
  };
  const env = { ...inherited, ...own, ...plains(Object.fromEntries(matrix)), ...plains(reported) };
  const facts = factsOf(state, visible);
  return {
    scope: { ...base, env: readable(env) },
    env,
    outputs: Object.fromEntries(Object.entries(facts).map(([name, { outputs }]) => [name, { ...outputs }])),
    workingDirectory: checkoutOf(state, visible, node)?.outputs['directory'] ?? '.',
  };
}

/**
 * The container that a node runs in.
 * @throws InputError when an expression names one that is not there
 */
export async function containerOf(state: RunState, node: PlanNode, scope: ExpressionScope): Promise<string> {
  const { containers } = agentOf(state.plan, node);
  if (node.container === undefined) return containers[0].name;
  const name = await evaluateText(node.container, scope);
  if (containers.some((container) => container.name === name)) return name;
  const hint = `allowed: ${containers.map((container) => container.name).join(', ')}`;
  throw new InputError(`agent.containers has no "${name}"`, { hint });
}

/** The commit as the run's `git`: outputs of the first source stage that is done. */
function sourceOf(state: RunState, visible: readonly PlanNode[]): Record<string, string> {
  return sourceRecords(state, visible)[0]?.outputs ?? {};
}

/** The checkout that lies in the workspace of a node's agent. */
function checkoutOf(
  state: RunState,
  visible: readonly PlanNode[],
  { agent }: PlanNode,
): StageRecord | undefined {
  return sourceRecords(
    state,
    visible.filter((other) => other.agent === agent),
  )[0];
}

function sourceRecords(state: RunState, visible: readonly PlanNode[]): StageRecord[] {
  return visible
    .filter((node) => state.kindOf(node).definition.providesSource === true)
    .map((node) => state.recordOf(node))
    .filter(({ outcome }) => outcome === 'succeeded');
}

/** Facts by node name, and by the stage's name in the file: there, of the last matrix cell that put the output out. */
function factsOf(state: RunState, visible: readonly PlanNode[]): Record<string, StageFacts> {
  const facts: Record<string, StageFacts> = {};
  for (const node of visible) {
    const { outcome = 'cancelled', outputs } = state.recordOf(node);
    const sofar = facts[node.stage];
    const worse = sofar === undefined || sofar.outcome === 'succeeded' ? outcome : sofar.outcome;
    facts[node.stage] = { outcome: worse, outputs: { ...sofar?.outputs, ...outputs } };
    if (node.name !== node.stage) facts[node.name] = { outcome, outputs };
  }
  return facts;
}

async function evaluateEnvironment(env: Environment, scope: ExpressionScope): Promise<Environment> {
  const entries: [string, EnvironmentValue][] = [];
  for (const [name, value] of Object.entries(env)) {
    entries.push([name, value.type === 'plain' ? plain(await evaluateText(value.value, scope)) : value]);
  }
  return Object.fromEntries(entries);
}

function readable(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value.type === 'plain' ? [[name, value.value]] : [])),
  );
}

function plains(values: Readonly<Record<string, string>>): Environment {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, plain(value)]));
}

function plain(value: string): EnvironmentValue {
  return { type: 'plain', value };
}
