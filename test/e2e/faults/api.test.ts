import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runLease } from '../../../src/ports/run-record.ts';
import { createKubernetes, type Kubernetes } from '../../../src/adapters/kubernetes/create-kubernetes.ts';
import { e2eEnvironment } from '../../support/e2e-environment.ts';
import { startApiProxy, type ApiProxy } from '../../chaos/proxy/api-proxy.ts';
import { runScript } from '../../support/run-script.ts';
import { scratchNamespace, soon, type ScratchNamespace } from '../../support/scratch-namespace.ts';

jest.setTimeout(400_000);

let scratch: ScratchNamespace;
let api: ApiProxy;
let kubernetes: Kubernetes;

beforeAll(async () => {
  scratch = await scratchNamespace(e2eEnvironment().kubeconfig, 'api');
});
afterAll(() => scratch.remove());

beforeEach(async () => {
  api = await startApiProxy(e2eEnvironment().kubeconfig);
  kubernetes = await createKubernetes({ kubeconfig: api.kubeconfig, attemptMs: 2000 });
});
afterEach(async () => {
  await kubernetes.close();
  await api.close();
});

/** A run as the engine does it, seen from the adapter. */
async function wholeRun(name: string): Promise<void> {
  const spec = scratch.agentSpec({ runId: `${scratch.namespace}-${name}` });
  const record = {
    formatVersion: 2 as const,
    fence: 1,
    runId: spec.runId,
    pipeline: 'test',
    namespace: spec.namespace,
    createdAt: 0,
    state: 'running' as const,
    source: { file: 'app.yaml', text: '' },
    parameters: {},
    trigger: {},
    agents: {},
    git: {},
    stages: {},
  };
  let stored = await kubernetes.runs.create(record, soon());
  const lease = await kubernetes.leases.acquire(
    { ...runLease(record), subject: record.runId, holder: name, owner: stored.owner, isNew: true },
    soon(),
  );
  const agent = await kubernetes.agents.acquire({ ...spec, owner: stored.owner }, soon());
  for (let number = 1; number <= 5; number += 1) {
    const { result, output } = await runScript(
      agent,
      `echo "step ${String(number)}"; exit ${String(number)}`,
    );
    expect(output).toBe(`step ${String(number)}\n`);
    expect(result).toMatchObject({ type: 'exited', exitCode: number });
    stored = await kubernetes.runs.update(stored, { ...record, parameters: { at: String(number) } }, soon());
  }
  expect(lease.leaseLost.aborted).toBe(false);
  await kubernetes.agents.release(spec, soon());
  await lease.release(soon());
  await kubernetes.runs.remove(stored, soon());
}

describe('an API server', () => {
  it('that fails 5 % and stalls 1 % of requests, and loses answers, harms no run', async () => {
    // Every kind of failure at places that differ from run to run, the same in each repetition of the test.
    let count = 0;
    let failed = 0;
    api.http.fate = () => {
      count += 1;
      const fate =
        count % 20 === 7 ? 'fail' : count % 100 === 53 ? 'stall' : count % 33 === 11 ? 'lose' : 'pass';
      if (fate !== 'pass') failed += 1;
      return fate;
    };

    for (let run = 1; run <= 12; run += 1) await wholeRun(`faulty-${String(run)}`);

    expect(count).toBeGreaterThan(120);
    expect(failed).toBeGreaterThan(8);
  });

  it('whose watches end every two seconds is asked less than once a second by a run', async () => {
    api.http.watchMs = 2000;
    const spec = scratch.agentSpec({ runId: `${scratch.namespace}-short-watch` });
    const agent = await kubernetes.agents.acquire(spec, soon());
    await agent.ready(soon());
    const before = api.http.seen.length;

    const { result } = await runScript(agent, 'sleep 12; exit 4');

    expect(result).toMatchObject({ exitCode: 4 });
    expect(api.http.seen.length - before).toBeLessThan(12);
    await kubernetes.cluster.delete(
      { apiVersion: 'v1', kind: 'Pod', name: agent.pod, namespace: agent.namespace },
      { ...soon(), gracePeriodSeconds: 0 },
    );
    await expect(runScript(agent, 'sleep 60')).rejects.toMatchObject({ problem: 'deleted' });
    await kubernetes.agents.release(spec, soon());
  });

  it('is asked for next to nothing by a step that runs', async () => {
    const spec = scratch.agentSpec({ runId: `${scratch.namespace}-quiet` });
    const agent = await kubernetes.agents.acquire(spec, soon());
    await agent.ready(soon());
    const before = api.http.seen.length;

    await runScript(agent, 'sleep 10');

    expect(api.http.seen.slice(before)).toEqual([]);
    await kubernetes.agents.release(spec, soon());
  });

  it('that throttles is waited for', async () => {
    let refused = 0;
    api.http.fate = ({ method }) => {
      if (method !== 'POST' || refused >= 3) return 'pass';
      refused += 1;
      return 'fail';
    };

    await wholeRun('throttled');

    expect(refused).toBe(3);
  });
});

describe('what is silent', () => {
  /** The pod's script sends a keep-alive every four seconds or so, where it gets the processor. */
  const silenceMs = 10_000;
  const watchSilenceMs = 2000;
  let impatient: Kubernetes;
  beforeEach(async () => {
    impatient = await createKubernetes({ kubeconfig: api.kubeconfig, silenceMs, watchSilenceMs });
  });
  afterEach(() => impatient.close());

  it('because the script says nothing for three times the limit is let be: no reconnect, the same exit code', async () => {
    const spec = scratch.agentSpec({ runId: `${scratch.namespace}-silent` });
    const agent = await impatient.agents.acquire(spec, soon());
    await agent.ready(soon());
    let opened = 0;
    api.http.upgrade = () => {
      opened += 1;
      return 'pass';
    };
    let openedAtFirst: number | undefined;

    const { result } = await runScript(
      agent,
      `echo begun; sleep ${String((3 * silenceMs) / 1000 + 1)}; exit 6`,
      {
        onOutput: () => void (openedAtFirst ??= opened),
      },
    );

    expect(result).toMatchObject({ type: 'exited', exitCode: 6 });
    expect(openedAtFirst).toBeDefined();
    expect(opened).toBe(openedAtFirst);
    await impatient.agents.release(spec, soon());
  });

  it('because the watch of pods is frozen, and nothing else, delays a run and no more', async () => {
    let muted = 0;
    api.http.isMute = (url) => {
      const isWatch = url.includes('/pods?') && /[?&]watch=/.test(url);
      if (isWatch) muted += 1;
      return isWatch;
    };
    const spec = scratch.agentSpec({ runId: `${scratch.namespace}-mute` });

    const agent = await impatient.agents.acquire(spec, soon());
    await agent.ready(soon());
    const mutedAtFirst = muted;
    const { result } = await runScript(agent, `sleep ${String((2 * watchSilenceMs) / 1000)}; exit 4`);

    expect(result).toMatchObject({ type: 'exited', exitCode: 4 });
    expect(muted).toBeGreaterThan(mutedAtFirst);
    const pod = { apiVersion: 'v1', kind: 'Pod', name: agent.pod, namespace: agent.namespace };
    await scratch.kubernetes.cluster.delete(pod, { ...soon(), gracePeriodSeconds: 0 });
    await expect(runScript(agent, 'sleep 60')).rejects.toMatchObject({ problem: 'deleted' });
    await impatient.agents.release(spec, soon());
  });
});
