import { defined } from '../base/defined.ts';
import { InputError, InternalError } from '../base/errors.ts';
import type { AgentContainer, AgentService } from '../ports/agent.ts';
import type { StageDefinition } from '../ports/stage.ts';
import type { AgentSettings, ContainerSettings, Pipeline, PipelineStage } from '../spec/pipeline.ts';
import { resolveNeeds } from '../spec/stage-order.ts';
import { evaluateTextNow } from '../expressions/evaluate.ts';
import { multiply } from './matrix.ts';
import { resolveParameters } from './parameters.ts';
import { mainAgent, type Plan, type PlanInputs, type PlanNode, type UnboundPlan } from './plan.ts';
import type { ExpressionScope } from '../expressions/scope.ts';
import { staticallyNeedsAgent } from './stage-input.ts';

const maxNodes = 256;

/**
 * Makes the plan of a run: parameters checked, matrices multiplied, needs resolved to nodes, the agents described.
 * Pure: the same pipeline and inputs give the same plan, which is how a run is resumed.
 * @throws InputError that lists what is wrong with the parameters or the values made from them
 */
export function compilePlan(pipeline: Pipeline, inputs: PlanInputs): UnboundPlan {
  const { trigger, defaultAgentImage, definitions } = inputs;
  const parameters = resolveParameters(pipeline.parameters, inputs.parameters);
  const scope: ExpressionScope = { params: parameters, trigger };
  const nodes = [
    ...compileNodes(pipeline.stages, 'main', definitions),
    ...compileNodes(pipeline.finally, 'finally', definitions),
  ];
  if (nodes.length > maxNodes) {
    const message = `the matrices make ${String(nodes.length)} stages of the file's; at most ${String(maxNodes)} are run`;
    throw new InputError(message);
  }
  const { namespace, ...agent } = compileAgent(pipeline, defaultAgentImage, scope);
  return {
    pipeline: pipeline.name,
    ...defined({ namespace }),
    parameters,
    trigger,
    env: pipeline.env,
    secrets: pipeline.secrets,
    agents: { [mainAgent]: agent },
    nodes,
    timeoutMs: pipeline.timeoutMs,
  };
}

/** The plan in the namespace that the file names, or else in the one that the runner found or was given. */
export function bindNamespace(plan: UnboundPlan, found: string): Plan {
  const namespace = plan.namespace ?? found;
  const agents = Object.entries(plan.agents).map(([name, agent]) => [name, { ...agent, namespace }] as const);
  return { ...plan, namespace, agents: Object.fromEntries(agents) };
}

function compileNodes(
  stages: readonly PipelineStage[],
  phase: PlanNode['phase'],
  definitions: readonly StageDefinition[],
): PlanNode[] {
  const needs = resolveNeeds(stages);
  const cells = new Map(stages.map((stage) => [stage.name, multiply(stage.matrix)]));
  const nodesOf = (name: string) => (cells.get(name) ?? []).map(({ suffix }) => name + suffix);
  const nodes = stages.flatMap((stage) => {
    const { matrix: _matrix, name, needs: _needs, input, ...common } = stage;
    const kind = definitions.find(({ key }) => key === stage.kind);
    if (kind === undefined) throw new InternalError(`there is no kind of stage "${stage.kind}"`);
    const needsAgent = staticallyNeedsAgent(kind, input);
    return (cells.get(name) ?? []).map(({ values, suffix }): PlanNode => ({
      ...common,
      name: name + suffix,
      stage: name,
      phase,
      needs: (needs.get(name) ?? []).flatMap(nodesOf),
      matrix: values,
      input,
      agent: mainAgent,
      needsAgent,
    }));
  });
  return sortByNeeds(nodes);
}

/** Written order, but for nodes that need something written later: these move behind it. */
function sortByNeeds(nodes: readonly PlanNode[]): PlanNode[] {
  const sorted: PlanNode[] = [];
  const placed = new Set<string>();
  let open = [...nodes];
  while (open.length > 0) {
    const next = open.find(({ needs }) => needs.every((need) => placed.has(need)));
    if (next === undefined) throw new InternalError('the stages wait for each other in a circle');
    sorted.push(next);
    placed.add(next.name);
    open = open.filter((node) => node !== next);
  }
  return sorted;
}

function compileAgent(
  pipeline: Pipeline,
  image: string,
  scope: ExpressionScope,
): UnboundPlan['agents'][string] & { namespace?: string } {
  const { agent } = pipeline;
  const evaluated = evaluateDeep(agent, scope) as AgentSettings;
  const { namespace, podTemplate, cacheClaim, startTimeoutMs, imagePullSecrets } = evaluated;
  const [first, ...others] = Object.entries(evaluated.containers).map(([name, settings]) =>
    container(name, settings),
  );
  return {
    pipeline: pipeline.name,
    ...defined({ namespace }),
    containers: [first ?? { name: 'default', image, env: {}, unprivileged: true }, ...others],
    services: Object.entries(evaluated.services).map(([name, settings]): AgentService => ({
      name,
      ...settings,
    })),
    ...defined({ podTemplate }),
    imagePullSecrets,
    ...defined({ cacheClaim }),
    startTimeoutMs,
  };
}

function container(name: string, settings: ContainerSettings): AgentContainer {
  return { name, ...settings };
}

function evaluateDeep(value: unknown, scope: ExpressionScope): unknown {
  if (typeof value === 'string') return evaluateTextNow(value, scope);
  if (Array.isArray(value)) return value.map((item) => evaluateDeep(item, scope));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, evaluateDeep(item, scope)]));
}
