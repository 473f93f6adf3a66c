import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { runLease } from '../../../src/ports/run-record.ts';
import { createKubernetes, type Kubernetes } from '../../../src/adapters/kubernetes/create-kubernetes.ts';
import type { Agent } from '../../../src/ports/agent.ts';
import { startTcpProxy, type TcpProxy } from '../../chaos/proxy/api-proxy.ts';
import { e2eEnvironment } from '../../support/e2e-environment.ts';
import { runScript, stepOf } from '../../support/run-script.ts';
import { scratchNamespace, soon, type ScratchNamespace } from '../../support/scratch-namespace.ts';

jest.setTimeout(400_000);

let scratch: ScratchNamespace;
let proxy: TcpProxy;
let kubernetes: Kubernetes;
let agent: Agent;
let spec: ReturnType<ScratchNamespace['agentSpec']>;

beforeAll(async () => {
  scratch = await scratchNamespace(e2eEnvironment().kubeconfig, 'connection');
});
afterAll(() => scratch.remove());

beforeEach(async () => {
  proxy = await startTcpProxy(e2eEnvironment().kubeconfig);
  kubernetes = await createKubernetes({ kubeconfig: proxy.kubeconfig, silenceMs: 8000 });
  spec = scratch.agentSpec();
  agent = await kubernetes.agents.acquire(spec, soon());
  await agent.ready(soon());
});

afterEach(async () => {
  await kubernetes.agents.release(spec, soon());
  await kubernetes.close();
  await proxy.close();
});

const numbered = 'i=0; while [ "$i" -lt 100000 ]; do i=$((i+1)); echo "line $i"; done';

describe('a connection that is lost', () => {
  it('in the middle of 100,000 numbered lines loses none of them and shows none twice', async () => {
    let cuts = 0;
    let since = 0;
    proxy.tcp.onData = (bytes) => {
      since += bytes;
      if (since < 150_000) return;
      since = 0;
      cuts += 1;
      proxy.tcp.cut();
    };

    const { result, output } = await runScript(agent, `echo run >>runs; ${numbered}`);

    proxy.tcp.onData = undefined;
    const expected = Array.from({ length: 100_000 }, (_, index) => `line ${String(index + 1)}\n`).join('');
    expect(cuts).toBeGreaterThan(3);
    expect(output === expected).toBe(true);
    expect(result).toMatchObject({ type: 'exited', exitCode: 0, logBytes: expected.length });
    await expect(agent.query(['cat', '/workspace/runs'], soon())).resolves.toMatchObject({ stdout: 'run\n' });
  });

  it('while the step is silent changes nothing', async () => {
    const running = runScript(agent, 'echo before; sleep 6; echo after; exit 3');
    for (let cut = 0; cut < 4; cut += 1) {
      await sleep(1000);
      proxy.tcp.cut();
    }

    const { result, output } = await running;

    expect(output).toBe('before\nafter\n');
    expect(result).toMatchObject({ type: 'exited', exitCode: 3 });
  });

  it('that stays open and says nothing is taken up again, while the step works on', async () => {
    const startedAt = performance.now();
    const running = runScript(agent, 'echo before; sleep 4; echo after');
    await sleep(1500);
    proxy.tcp.freeze();

    const { result, output } = await running;

    expect(output).toBe('before\nafter\n');
    expect(result).toMatchObject({ type: 'exited', exitCode: 0 });
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  it('with the whole API server for twelve seconds costs neither a line nor the lease of the run', async () => {
    const record = {
      formatVersion: 2 as const,
      fence: 1,
      ...{
        runId: spec.runId,
        pipeline: 'test',
        namespace: spec.namespace,
        createdAt: 0,
        state: 'running' as const,
      },
      ...{
        source: { file: 'app.yaml', text: '' },
        parameters: {},
        trigger: {},
        agents: {},
        git: {},
        stages: {},
      },
    };
    const stored = await kubernetes.runs.create(record, soon());
    const lease = await kubernetes.leases.acquire(
      { ...runLease(record), subject: record.runId, holder: 'me', owner: stored.owner, isNew: true },
      soon(),
    );
    const script = 'i=0; while [ "$i" -lt 180 ]; do i=$((i+1)); echo "line $i"; sleep 0.1; done; exit 9';
    const running = runScript(agent, script);
    await sleep(2000);
    proxy.tcp.setDown(true);
    const writing = kubernetes.runs.update(
      stored,
      { ...record, parameters: { written: 'while down' } },
      soon(),
    );
    await sleep(12_000);
    proxy.tcp.setDown(false);

    const { result, output } = await running;

    expect(output).toBe(Array.from({ length: 180 }, (_, index) => `line ${String(index + 1)}\n`).join(''));
    expect(result).toMatchObject({ type: 'exited', exitCode: 9 });
    await expect(writing).resolves.toMatchObject({ record: { parameters: { written: 'while down' } } });
    expect(lease.leaseLost.aborted).toBe(false);
    await lease.release(soon());
  });

  it('for longer than the budget ends the step with a clear error', async () => {
    const impatient = await createKubernetes({ kubeconfig: proxy.kubeconfig, retryBudgetMs: 4000 });
    const own = await impatient.agents.acquire(spec, soon());
    await own.ready(soon());
    const running = runScript(own, 'echo up; sleep 600').catch((error: unknown) => error);
    await sleep(1500);
    proxy.tcp.setDown(true);

    await expect(running).resolves.toMatchObject({
      problem: 'stepLost',
      fault: 'infrastructure',
      message: expect.stringMatching(/no contact with step step\.\d+ for \d+ s/),
    });
    proxy.tcp.setDown(false);
    await impatient.close();
  });

  it('at the moment of the start starts the step once', async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const step = stepOf('echo run >>"runs-$NAME"; sleep 0.3; cat "runs-$NAME"', {
        env: { NAME: { type: 'plain', value: String(attempt) } },
      });
      const output: Buffer[] = [];
      const running = agent.runStep(step, { ...soon(), onOutput: (chunk) => void output.push(chunk) });
      await sleep(15 * (attempt + 1));
      proxy.tcp.cut();

      await expect(running).resolves.toMatchObject({ type: 'exited', exitCode: 0 });
      expect(Buffer.concat(output).toString('utf8')).toBe('run\n');
    }
  });

  it('costs less than two seconds', async () => {
    let lastAt = 0;
    let longest = 0;
    const running = runScript(
      agent,
      'i=0; while [ "$i" -lt 40 ]; do i=$((i+1)); echo "$i"; sleep 0.1; done',
      {
        onOutput: () => {
          const now = performance.now();
          if (lastAt > 0) longest = Math.max(longest, now - lastAt);
          lastAt = now;
        },
      },
    );
    await sleep(1500);
    proxy.tcp.cut();
    await running;

    console.log(`longest pause of the output after a cut: ${longest.toFixed(0)} ms`);
    expect(longest).toBeLessThan(2000);
  });
});
