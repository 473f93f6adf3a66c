/**
 * A runner of one step, as a process that tests can kill: takes `{kubeconfig, spec, step}` as its argument, writes the
 * step's output to standard output.
 */
import { createKubernetes } from '../../src/adapters/kubernetes/create-kubernetes.ts';
import type { AgentSpec, Step } from '../../src/ports/agent.ts';

/** The argument, as JSON. */
export interface StepWork {
  kubeconfig: string;
  spec: AgentSpec;
  step: Step;
}

const { kubeconfig, spec, step } = JSON.parse(process.argv[2] ?? '') as StepWork;
const signal = AbortSignal.timeout(300_000);
const kubernetes = await createKubernetes({ kubeconfig });
const agent = await kubernetes.agents.acquire(spec, { signal });
await agent.runStep(step, {
  signal,
  onOutput: (chunk) =>
    new Promise((resolve) => {
      process.stdout.write(chunk, () => resolve());
    }),
});
await kubernetes.close();
