import { defined } from '../base/defined.ts';
import type { PlanNode } from '../plan/plan.ts';
import type { Pipeline } from '../spec/pipeline.ts';
import type { PullPlan } from './pulls/pull-plan.ts';

/** A deploy stage, or any other, as far as the file tells it. */
type FileNode = PullPlan['nodes'][number] & Pick<PlanNode, 'phase' | 'timeoutMs'>;

/**
 * As much of a plan as a file tells without parameters and cluster: those with a default have it, the others are not
 * known, nor are the values of a matrix.
 */
export interface FilePlan extends PullPlan {
  nodes: readonly FileNode[];
  timeoutMs: number;
}

/** What a file tells of its plan. */
export function filePlanOf(pipeline: Pipeline): FilePlan {
  const { name, parameters, agent, timeoutMs } = pipeline;
  const { namespace, podTemplate, imagePullSecrets } = agent;
  const defaults = Object.entries(parameters).flatMap(([key, parameter]) =>
    parameter.default === undefined ? [] : [[key, parameter.default] as const],
  );
  const nodesOf = (phase: PlanNode['phase'], stages: Pipeline['stages']) =>
    stages.map((stage): FileNode => ({
      ...{ name: stage.name, stage: stage.name, kind: stage.kind, phase },
      ...{ input: stage.input, matrix: {} },
      ...defined({ when: stage.when, timeoutMs: stage.timeoutMs }),
    }));
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
    nodes: [...nodesOf('main', pipeline.stages), ...nodesOf('finally', pipeline.finally)],
    timeoutMs,
  };
}
