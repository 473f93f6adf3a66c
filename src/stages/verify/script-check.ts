import { defined } from '../../base/defined.ts';
import path from 'node:path';
import { interpreterOf, overruledNotice } from '../../base/interpreter.ts';
import type { StageContext } from '../../ports/stage.ts';
import type { CheckResult } from './check-result.ts';
import type { VerifySettings } from './settings.ts';

/** Runs the script once, as a durable step in the agent; exit code 0 passes. @throws AgentError */
export async function checkScript(
  { run, shell, workingDirectory = '.' }: NonNullable<VerifySettings['script']>,
  context: StageContext,
  attempt: number,
): Promise<CheckResult> {
  const agent = await context.agent();
  const stage = context.stage.name;
  const step = `verify-${String(attempt)}`;
  const id = `${stage}.${String(context.stage.attempt)}.${step}`;
  const interpreter = interpreterOf(run, shell);
  const message = attempt === 1 ? overruledNotice(interpreter) : undefined;
  if (message !== undefined) await context.emit({ type: 'notice', stage, level: 'warning', message });
  const result = await agent.runStep(
    {
      id,
      container: context.container,
      script: run,
      shell: interpreter.words,
      workingDirectory: path.posix.resolve(context.workingDirectory, workingDirectory),
      env: context.env,
    },
    {
      signal: context.signal,
      fromOffset: context.offsets[id] ?? 0,
      onOutput: async (chunk, offset) => {
        await context.emit({ type: 'step.output', stage, step, id, chunk, offset });
        context.saveOffset(id, offset + chunk.length);
      },
    },
  );
  context.signal.throwIfAborted();
  const exitCode = result.type === 'exited' ? result.exitCode : undefined;
  await context.emit({ type: 'step.end', stage, step, id, ...defined({ exitCode }) });
  return exitCode === 0
    ? { passed: true, message: 'the script ended with exit code 0' }
    : {
        passed: false,
        message: `the script: expected exit code 0, got ${exitCode === undefined ? 'none' : String(exitCode)}`,
      };
}
