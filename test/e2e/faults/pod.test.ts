import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Agent, AgentProblem, AgentSpec } from '../../../src/ports/agent.ts';
import { e2eEnvironment } from '../../support/e2e-environment.ts';
import { runScript } from '../../support/run-script.ts';
import { waitFor } from '../../support/wait-for.ts';
import { scratchNamespace, soon, testImage, type ScratchNamespace } from '../../support/scratch-namespace.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
/** What only a real kubelet does; the sandbox isolates nothing and enforces no limits. */
const itOnARealNode = environment.cluster === 'current' ? it : it.skip;
const pod = { apiVersion: 'v1', kind: 'Pod' };
let scratch: ScratchNamespace;

beforeAll(async () => {
  scratch = await scratchNamespace(environment.kubeconfig, 'pod');
});
afterAll(() => scratch.remove());

const main = (more = {}) => ({
  name: 'main',
  image: testImage,
  env: {},
  imagePullPolicy: 'IfNotPresent' as const,
  ...more,
});

/** Runs with an agent, which is released at the end. */
async function withAgent(
  more: Partial<AgentSpec>,
  use: (agent: Agent, spec: AgentSpec) => Promise<void>,
): Promise<void> {
  const spec = scratch.agentSpec(more);
  try {
    await use(await scratch.kubernetes.agents.acquire(spec, soon()), spec);
  } finally {
    await scratch.kubernetes.agents.release(spec, soon());
  }
}

/** Expects the agent to be found unable to work, with the problem told in one line. @returns milliseconds it took */
async function expectProblem(
  more: Partial<AgentSpec>,
  problem: AgentProblem,
  message: RegExp,
): Promise<number> {
  const startedAt = performance.now();
  await withAgent(more, async (agent) => {
    const error: unknown = await agent.ready(soon()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'AgentError', fault: 'infrastructure', problem });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
  });
  return performance.now() - startedAt;
}

describe('an agent pod that cannot start', () => {
  it('for want of its image says so within ten seconds', async () => {
    const image = `${environment.registry}/none/such:1`;
    const containers: AgentSpec['containers'] = [main({ image })];

    const tookMs = await expectProblem({ containers }, 'imagePull', /cannot pull image "\S+\/none\/such:1"/);

    expect(tookMs).toBeLessThan(10_000);
  });

  it('for its image’s name says so within ten seconds', async () => {
    const tookMs = await expectProblem(
      { containers: [main({ image: 'No:Such:Name' })] },
      'imagePull',
      /No:Such:Name/,
    );

    expect(tookMs).toBeLessThan(10_000);
  });

  itOnARealNode('for want of a node says so within ten seconds', async () => {
    const containers: AgentSpec['containers'] = [main({ resources: { requests: { cpu: '500' } } })];

    const tookMs = await expectProblem({ containers }, 'unschedulable', /no node takes .* Insufficient cpu/);

    expect(tookMs).toBeLessThan(11_000);
  });

  it('for a Secret that is not there says so within ten seconds', async () => {
    const podTemplate = {
      spec: { containers: [{ name: 'main', envFrom: [{ secretRef: { name: 'not-there' } }] }] },
    };

    const tookMs = await expectProblem({ podTemplate }, 'containerStart', /secret "not-there" not found/);

    expect(tookMs).toBeLessThan(10_000);
  });

  it('for a service that fails says which', async () => {
    const services = [
      main({ name: 'db', command: ['sh', '-c', 'echo no space in /data >&2; exit 5'], ready: { tcp: 5432 } }),
    ];

    await expectProblem(
      { services },
      'containerExited',
      /container db of agent pod .* exit code 5; its last log lines: no space in \/data/,
    );
  });

  // Sidecars came with Kubernetes 1.28.
  const itOnTheSandbox = environment.cluster === 'sandbox' ? it : it.skip;

  itOnTheSandbox('does its work though a sidecar of it was restarted', async () => {
    const script = 'if [ -e /workspace/once ]; then exec sleep 600; fi; touch /workspace/once; exit 7';
    const proxy = {
      ...{ name: 'proxy', image: testImage, restartPolicy: 'Always', command: ['sh', '-c', script] },
      volumeMounts: [{ name: 'workspace', mountPath: '/workspace' }],
    };

    const podTemplate = { spec: { initContainers: [proxy] } };
    await withAgent({ podTemplate }, async (agent) => {
      await agent.ready(soon());
      await waitFor('a restart', async () => {
        const reference = { apiVersion: 'v1', kind: 'Pod', name: agent.pod, namespace: agent.namespace };
        const live = await scratch.kubernetes.cluster.get(reference, soon());
        return JSON.stringify(live?.['status']).includes('"restartCount":1') || undefined;
      });
      expect(await agent.query(['echo', 'up'], soon())).toMatchObject({ exitCode: 0, stdout: 'up\n' });
    });
  });

  it('in time says what it waits for', async () => {
    const services = [main({ name: 'db', command: ['sleep', '600'], ready: { exec: ['false'] } })];

    await expectProblem({ services, startTimeoutMs: 5000 }, 'startTimeout', /not ready after 5 s: .*db/);
  });

  it('since its namespace is not there says so at once', async () => {
    const acquiring = scratch.kubernetes.agents.acquire(
      scratch.agentSpec({ namespace: 'no-such-namespace' }),
      soon(),
    );

    await expect(acquiring).rejects.toMatchObject({
      problem: 'namespaceGone',
      message: expect.stringMatching(/no-such-namespace/),
    });
  });

  it('since the API refuses it says why', async () => {
    const podTemplate = { spec: { volumes: [{ name: 'Not A Name', emptyDir: {} }] } };
    const acquiring = scratch.kubernetes.agents.acquire(scratch.agentSpec({ podTemplate }), soon());

    await expect(acquiring).rejects.toMatchObject({
      problem: 'admission',
      message: expect.stringMatching(/Not A Name/),
    });
  });

  it('since its namespace is being deleted says so', async () => {
    const name = `test-ending-${randomBytes(3).toString('hex')}`;
    const { cluster, agents } = scratch.kubernetes;
    const namespace = { apiVersion: 'v1', kind: 'Namespace' };
    await cluster.create({ ...namespace, metadata: { name } }, soon());
    const holder = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x', namespace: name, finalizers: ['test/x'] },
    };
    await cluster.create(holder, soon());
    await cluster.delete({ ...namespace, name }, soon());

    const acquiring = agents.acquire(scratch.agentSpec({ namespace: name }), soon());

    await expect(acquiring).rejects.toMatchObject({
      problem: 'namespaceGone',
      message: expect.stringMatching(/being terminated/),
    });
    const release = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
    await cluster.patch({ ...holder, name: 'x', namespace: name }, release, soon());
  });

  itOnARealNode('fails at once where the quota wants what it does not say', async () => {
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'limits', namespace: scratch.namespace },
      spec: { hard: { 'limits.cpu': '4' } },
    };
    const { cluster, agents } = scratch.kubernetes;
    const reference = { ...quota, name: 'limits', namespace: scratch.namespace };
    await cluster.create(quota, soon());
    const isEnforced = async () => 'hard' in ((await cluster.get(reference, soon()))?.['status'] as object);
    while (!(await isEnforced())) await sleep(100);

    await expect(agents.acquire(scratch.agentSpec({}), soon())).rejects.toMatchObject({
      problem: 'quota',
      message: expect.stringMatching(/must specify limits\.cpu/),
      hint: expect.stringMatching(/agent\.containers\.NAME\.resources/),
    });
    await cluster.delete(reference, soon());
  });

  itOnARealNode('until a quota has room waits for it', async () => {
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'none', namespace: scratch.namespace },
      spec: { hard: { pods: '0' } },
    };
    const { cluster } = scratch.kubernetes;
    const reference = { ...quota, name: 'none', namespace: scratch.namespace };
    await cluster.create(quota, soon());
    const enforced = async () => (await cluster.get(reference, soon()))?.['status'];
    while (JSON.stringify(await enforced()) === '{}' || (await enforced()) === undefined) await sleep(100);
    const hopeless = scratch.kubernetes.agents.acquire(scratch.agentSpec({ startTimeoutMs: 3000 }), soon());
    await expect(hopeless).rejects.toMatchObject({
      problem: 'quota',
      message: expect.stringMatching(/exceeded quota: none/),
    });

    const patient = withAgent({}, (agent) => agent.ready(soon()));
    await sleep(5000);
    await cluster.delete(reference, soon());

    await patient;
  });
});

describe('an agent pod that is lost', () => {
  it('to somebody who deletes it ends the step with a clear error at once', async () => {
    await withAgent({}, async (agent) => {
      await agent.ready(soon());
      const running = runScript(agent, 'echo up; sleep 600').catch((error: unknown) => error);
      await sleep(1500);
      const startedAt = performance.now();
      await scratch.kubernetes.cluster.delete(
        { ...pod, name: agent.pod, namespace: agent.namespace },
        soon(),
      );

      const error = await running;

      expect(error).toMatchObject({
        problem: 'deleted',
        fault: 'infrastructure',
        message: expect.stringMatching(/was deleted/),
      });
      expect(performance.now() - startedAt).toBeLessThan(10_000);
    });
  });

  it('to its own deadline says so', async () => {
    await withAgent({ deadlineSeconds: 8 }, async (agent) => {
      await agent.ready(soon());

      await expect(runScript(agent, 'sleep 600')).rejects.toMatchObject({ problem: 'deadlineExceeded' });
    });
  });
});

describe('a step that fails in an odd way', () => {
  let agent: Agent;
  let spec: AgentSpec;
  beforeAll(async () => {
    spec = scratch.agentSpec({
      containers: [main({ resources: { limits: { memory: '64Mi' } } })],
    });
    agent = await scratch.kubernetes.agents.acquire(spec, soon());
    await agent.ready(soon());
  });
  afterAll(() => scratch.kubernetes.agents.release(spec, soon()));

  it('with exit code 137 of its own has failed, and nothing else', async () => {
    await expect(runScript(agent, 'exit 137')).resolves.toMatchObject({
      result: { type: 'exited', exitCode: 137 },
    });
  });

  itOnARealNode('for want of memory is no failure of the script', async () => {
    const hungry = runScript(agent, 'x=$(head -c 200000000 /dev/zero | tr "\\0" "x"); echo "${#x}"');

    await expect(hungry).rejects.toMatchObject({
      problem: 'outOfMemory',
      message: expect.stringMatching(/ran out of memory/),
    });
  });

  it('writes a line of 20 MB', async () => {
    let bytes = 0;
    const { result } = await runScript(agent, 'head -c 20971520 /dev/zero | tr "\\0" "x"', {
      onOutput: (chunk) => void (bytes += chunk.length),
    });

    expect(result).toMatchObject({ exitCode: 0, logBytes: 20_971_520 });
    expect(bytes).toBe(20_971_520);
  });
});

describe('a disk that is full', () => {
  let agent: Agent;
  let spec: AgentSpec;
  beforeAll(async () => {
    // The steps may mount small file systems over what they fill.
    const podTemplate = {
      spec: { containers: [{ name: 'main', securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }] },
    };
    spec = scratch.agentSpec({ podTemplate });
    agent = await scratch.kubernetes.agents.acquire(spec, soon());
  });
  afterAll(() => scratch.kubernetes.agents.release(spec, soon()));

  itOnARealNode('in the workspace fails the script, whose log says why', async () => {
    await runScript(agent, 'mount -t tmpfs -o size=2m tmpfs /workspace');

    const { result, output } = await runScript(agent, 'dd if=/dev/zero of=full bs=1M count=10 2>&1');

    expect(result).toMatchObject({ type: 'exited', exitCode: 1 });
    expect(output).toContain('No space left on device');
  });

  itOnARealNode('under the log stops neither the script nor its exit code', async () => {
    const steps = '/slipway/main/steps';
    await agent.query(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', steps], soon());

    const script = 'head -c 5000000 /dev/zero | tr "\\0" "x"; exit 8';
    const { result, output } = await runScript(agent, script, soon(60_000));

    expect(result).toMatchObject({ type: 'exited', exitCode: 8 });
    expect(output).toMatch(/^x{1000000,}\n\[slipway: the disk of the agent is full/);
  });
});

describe('containers of different users', () => {
  itOnARealNode('each run their own steps, which others cannot see', async () => {
    const podTemplate = {
      spec: {
        containers: [
          { name: 'main', securityContext: { runAsUser: 1000, runAsNonRoot: true } },
          { name: 'other', securityContext: { runAsUser: 2000, runAsGroup: 2000 } },
        ],
      },
    };
    await withAgent({ podTemplate, containers: [main(), main({ name: 'other' })] }, async (agent) => {
      const env = { TOKEN: { type: 'plain', value: 'hush' } } as const;
      const mine = await runScript(agent, 'id -u; sleep 1; echo "$TOKEN" >>"$SLIPWAY_OUTPUT"', {
        env,
        id: 'mine',
      });
      const theirs = await runScript(agent, 'id -u; cat /slipway/main/steps/mine/output', {
        container: 'other',
      });

      expect(mine).toMatchObject({ output: '1000\n', result: { exitCode: 0 } });
      expect(theirs.output).toMatch(/^2000\ncat: .*No such file or directory/);
    });
  });
});

describe('the log of a step', () => {
  it('is cut at its limit, which it says, and the step goes on', async () => {
    const { createKubernetes } = await import('../../../src/adapters/kubernetes/create-kubernetes.ts');
    const small = await createKubernetes({ kubeconfig: environment.kubeconfig, stepLogBytes: 100_000 });
    const spec = scratch.agentSpec();
    const agent = await small.agents.acquire(spec, soon());

    const { result, output } = await runScript(agent, 'head -c 5000000 /dev/zero | tr "\\0" "x"; exit 6');

    expect(output.slice(0, 100_000)).toBe('x'.repeat(100_000));
    expect(output.slice(100_000)).toBe(
      '\n[slipway: the limit of 100000 bytes for the log of a step is reached; the rest of its output is not kept]\n',
    );
    expect(result).toMatchObject({ exitCode: 6 });
    await small.agents.release(spec, soon());
    await small.close();
  });
});
