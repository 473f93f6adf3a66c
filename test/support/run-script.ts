import { defined } from '../../src/base/defined.ts';
import type { Agent, RunStepOptions, Step, StepResult } from '../../src/ports/agent.ts';

/** A step's result with all that it wrote. */
export interface ScriptRun {
  result: StepResult;
  output: string;
}

let count = 0;

/** A step of container `main` with an id of its own. */
export function stepOf(script: string, more: Partial<Step> = {}): Step {
  count += 1;
  return {
    id: `step.${String(count)}`,
    container: 'main',
    script,
    shell: ['sh', '-e'],
    workingDirectory: '.',
    env: {},
    ...more,
  };
}

/** Runs a script as a step and keeps what it writes. */
export async function runScript(
  agent: Agent,
  script: string,
  more: Partial<Step> & Partial<RunStepOptions> = {},
): Promise<ScriptRun> {
  const parts: Buffer[] = [];
  const { signal = AbortSignal.timeout(120_000), onOutput, fromOffset, ...step } = more;
  const result = await agent.runStep(stepOf(script, step), {
    signal,
    onOutput: onOutput ?? ((chunk) => void parts.push(Buffer.from(chunk))),
    ...defined({ fromOffset }),
  });
  return { result, output: Buffer.concat(parts).toString('utf8') };
}
