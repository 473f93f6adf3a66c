import { defined } from '../../base/defined.ts';
import type { AgentSpec } from '../../ports/agent.ts';
import type { Plan, PlanNode } from '../../plan/plan.ts';
import type { Pipeline } from '../../spec/pipeline.ts';

type PullAgent = Pick<AgentSpec, 'podTemplate' | 'imagePullSecrets'> & {
  containers: readonly { image: string }[];
  services: readonly { image: string }[];
};

/** What of a plan tells who pulls what. */
export interface PullPlan extends Pick<Plan, 'pipeline' | 'parameters' | 'trigger'> {
  /** Missing: only the cluster tells it. */
  namespace?: string;
  agents: Readonly<Record<string, PullAgent>>;
  nodes: readonly Pick<PlanNode, 'name' | 'stage' | 'kind' | 'matrix' | 'input' | 'when'>[];
}

/**
 * As much of a plan as a file tells without parameters and cluster: those with a default have it, the others are not
 * known, nor are the values of a matrix.
 */
export function pullPlanOf(pipeline: Pipeline): PullPlan {
  const { name, parameters, agent } = pipeline;
  const { namespace, podTemplate, imagePullSecrets } = agent;
  const defaults = Object.entries(parameters).flatMap(([key, parameter]) =>
    parameter.default === undefined ? [] : [[key, parameter.default] as const],
  );
  return {
    pipeline: name,
    ...defined({ namespace }),
    parameters: Object.fromEntries(defaults),
    trigger: {},
    agents: {
      main: {
        containers: Object.values(agent.containers),
        services: Object.values(agent.services),
        imagePullSecrets,
        ...defined({ podTemplate }),
      },
    },
    nodes: [...pipeline.stages, ...pipeline.finally].map((stage) => ({
      name: stage.name,
      stage: stage.name,
      kind: stage.kind,
      input: stage.input,
      matrix: {},
      ...defined({ when: stage.when }),
    })),
  };
}
