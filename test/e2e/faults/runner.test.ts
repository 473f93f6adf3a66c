import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { e2eEnvironment } from '../../support/e2e-environment.ts';
import { runScript, stepOf } from '../../support/run-script.ts';
import type { StepWork } from '../../support/step-process.ts';
import { scratchNamespace, soon, testImage, type ScratchNamespace } from '../../support/scratch-namespace.ts';

jest.setTimeout(600_000);

const process_ = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'support', 'step-process.ts');
const environment = e2eEnvironment();
let scratch: ScratchNamespace;

beforeAll(async () => {
  scratch = await scratchNamespace(environment.kubeconfig, 'runner');
});
afterAll(() => scratch.remove());

describe('a runner', () => {
  it('that is killed -9 during a step leaves it to the next one, which shows the rest of it', async () => {
    const spec = scratch.agentSpec();
    const step = stepOf(
      'echo run >>runs; i=0; while [ "$i" -lt 60 ]; do i=$((i+1)); echo "line $i"; sleep 0.1; done; exit 5',
    );
    const work: StepWork = { kubeconfig: environment.kubeconfig, spec, step };
    const first = spawn(process.execPath, [process_, JSON.stringify(work)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let shown = '';
    for await (const chunk of first.stdout as AsyncIterable<Buffer>) {
      shown += chunk.toString('utf8');
      if (shown.includes('line 15\n')) break;
    }
    first.kill('SIGKILL');
    await once(first, 'close');

    const agent = await scratch.kubernetes.agents.acquire(spec, soon());
    const rest: Buffer[] = [];
    const result = await agent.runStep(step, {
      ...soon(),
      fromOffset: Buffer.byteLength(shown),
      onOutput: (chunk) => void rest.push(chunk),
    });

    expect(agent.adopted).toBe(true);
    expect(result).toMatchObject({ type: 'exited', exitCode: 5 });
    const whole = Array.from({ length: 60 }, (_, index) => `line ${String(index + 1)}\n`).join('');
    expect(shown + Buffer.concat(rest).toString('utf8')).toBe(whole);
    await expect(agent.query(['cat', '/workspace/runs'], soon())).resolves.toMatchObject({ stdout: 'run\n' });
    await scratch.kubernetes.agents.release(spec, soon());
  });

  it('drives fifty runs at once with one watch for all of them', async () => {
    const runs = Number(process.env['SLIPWAY_TEST_RUNS_AT_ONCE'] ?? 50);
    const small = { requests: { cpu: '5m', memory: '8Mi' } };
    const containers = [
      { name: 'main', image: testImage, env: {}, imagePullPolicy: 'IfNotPresent' as const, resources: small },
    ] as const;
    const specs = Array.from({ length: runs }, () =>
      scratch.agentSpec({ containers, startTimeoutMs: 400_000 }),
    );
    const requestsBefore = scratch.kubernetes.requestCount();
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();

    const codes = await Promise.all(
      specs.map(async (spec, index) => {
        const agent = await scratch.kubernetes.agents.acquire(spec, soon(400_000));
        await agent.ready(soon(400_000));
        const { result, output } = await runScript(
          agent,
          `echo "run ${String(index)}"; sleep 5; exit ${String(index)}`,
        );
        expect(output).toBe(`run ${String(index)}\n`);
        await scratch.kubernetes.agents.release(spec, soon());
        return result.type === 'exited' ? result.exitCode : -1;
      }),
    );

    const requests = scratch.kubernetes.requestCount() - requestsBefore;
    const { user, system } = process.cpuUsage(cpuBefore);
    console.log(
      `${String(runs)} runs: ${String(requests)} requests, ${((user + system) / 1e6).toFixed(1)} s of CPU, ` +
        `${String(Math.round(process.memoryUsage.rss() / 1024 / 1024))} MiB, ` +
        `${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
    );
    expect(codes).toEqual(specs.map((_, index) => index));
    // Make, find and remove the pod and look for Secrets; the watches are shared.
    expect(requests / runs).toBeLessThan(6);
  });
});
