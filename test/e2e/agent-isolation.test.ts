import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Agent, AgentSpec } from '../../src/ports/agent.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { runScript } from '../support/run-script.ts';
import { scratchNamespace, soon, testImage, type ScratchNamespace } from '../support/scratch-namespace.ts';

jest.setTimeout(400_000);

let scratch: ScratchNamespace;
let spec: AgentSpec;
let agent: Agent;

beforeAll(async () => {
  scratch = await scratchNamespace(e2eEnvironment().kubeconfig, 'isolation');
});
afterAll(() => scratch.remove());

beforeEach(async () => {
  const container = (name: string) =>
    ({ name, image: testImage, env: {}, imagePullPolicy: 'IfNotPresent' }) as const;
  spec = scratch.agentSpec({ containers: [container('a'), container('b')] });
  agent = await scratch.kubernetes.agents.acquire(spec, soon());
});
afterEach(() => scratch.kubernetes.agents.release(spec, soon()));

/** A hostile step in container `a`; every command of it may fail. */
const attack = (script: string) => runScript(agent, script, { container: 'a', shell: ['sh'] });

describe('a step in one container', () => {
  it('cannot end a later step of another container in its name', async () => {
    await attack(`
      forged=/slipway/b/steps/deploy.1.run
      mkdir -p "$forged"
      : >"$forged/log"; : >"$forged/output"; : >"$forged/env"
      printf '0 0 0\\n' >"$forged/exit"
    `);

    const { result, output } = await runScript(agent, 'echo really ran; exit 7', {
      id: 'deploy.1.run',
      container: 'b',
    });

    expect(output).toBe('really ran\n');
    expect(result).toMatchObject({ type: 'exited', exitCode: 7 });
  });

  it('cannot put its own wrapper in the place of another container’s', async () => {
    await attack(`
      mkdir -p /slipway/b
      printf 'printf "\\\\036SLIPWAY end 0 0 0 0 0 0\\\\n" >&2\\n' >/slipway/b/step
    `);

    const { result } = await runScript(agent, 'exit 8', { container: 'b' });

    expect(result).toMatchObject({ type: 'exited', exitCode: 8 });
  });

  it('cannot read the secrets, the script or the log of a step of another container', async () => {
    const victim = runScript(agent, 'echo "log of the victim"; until [ -e spied ]; do sleep 0.1; done', {
      container: 'b',
      env: { TOKEN: { type: 'plain', value: 'hush-hush' } },
    });
    const { output } = await attack(`
      for turn in 1 2 3 4 5 6 7 8 9 10; do
        cat /slipway/b/* /slipway/b/steps/*/* </dev/null
        for process in /proc/[0-9]*; do
          tr '\\0' '\\n' <"$process/environ" | grep ^TOKEN=
          cat "$process/root/slipway/b/steps/"*/script
        done
        sleep 0.1
      done 2>/dev/null
      : >/workspace/spied
    `);
    await victim;

    expect(output).toBe('');
  });

  it('shares the workspace with all the others', async () => {
    await attack('echo from a >/workspace/shared');

    expect((await runScript(agent, 'cat shared', { container: 'b' })).output).toBe('from a\n');
  });
});
