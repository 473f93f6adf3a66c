import type { AgentSpec } from '../../ports/agent.ts';
import type { Plan, PlanNode } from '../../plan/plan.ts';

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
