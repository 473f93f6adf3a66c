import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Agent } from '../../src/ports/agent.ts';
import { testCluster, type TestCluster } from '../support/cluster.ts';
import { runScript } from '../support/run-script.ts';
import { scratchNamespace, soon, testImage, type ScratchNamespace } from '../support/scratch-namespace.ts';

jest.setTimeout(120_000);

let cluster: TestCluster;
let scratch: ScratchNamespace;
let agent: Agent;

beforeAll(async () => {
  cluster = await testCluster();
  scratch = await scratchNamespace(cluster.kubeconfig, 'unprivileged');
  const container = { name: 'main', image: testImage, env: {}, unprivileged: true } as const;
  const spec = scratch.agentSpec({
    containers: [{ ...container, imagePullPolicy: 'IfNotPresent' }],
    // The image of these tests starts as root; fsGroup is what a claim for caches brings.
    podTemplate: { spec: { securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 } } },
  });
  agent = await scratch.kubernetes.agents.acquire(spec, soon());
  await agent.ready(soon());
});

afterAll(async () => {
  await scratch.remove();
  await cluster.close();
});

describe('an agent without root and capabilities', () => {
  it('has neither, where pods are containers', async () => {
    const { output } = await runScript(
      agent,
      'id -u; grep -E "^(NoNewPrivs|CapEff|CapBnd)" /proc/self/status',
    );

    if (cluster.kind === 'sandbox') return; // its pods are processes of whoever runs it
    expect(output).toMatch(/^1000\nCapEff:\s*0+\nCapBnd:\s*0+\nNoNewPrivs:\s*1\n/);
  });

  it('runs steps, and hands over outputs and environment', async () => {
    const script = 'echo VERSION=1.2 >>"$SLIPWAY_OUTPUT"; echo COLOUR=red >>"$SLIPWAY_ENV"; exit 7';

    const { result } = await runScript(agent, script);

    const handed = { outputs: { VERSION: '1.2' }, environment: { COLOUR: 'red' } };
    expect(result).toMatchObject({ type: 'exited', exitCode: 7, ...handed });
  });

  it('keeps files in the workspace and in the caches, and gives and takes archives', async () => {
    const written = await runScript(
      agent,
      `mkdir -p a/b && echo hello >a/b/file && echo kept >${agent.cache}/x`,
    );
    const tar = await agent.download(['file'], buffer, { ...soon(), directory: 'a/b' });

    await agent.upload(() => Readable.from([tar]), { ...soon(), directory: 'c/d' });

    const { output } = await runScript(agent, `cat c/d/file ${agent.cache}/x`);
    expect(written.result).toMatchObject({ exitCode: 0 });
    expect(output).toBe('hello\nkept\n');
  });
});
