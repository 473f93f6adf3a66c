import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { e2eEnvironment } from '../../support/e2e-environment.ts';
import { runScript } from '../../support/run-script.ts';
import { scratchNamespace, soon, type ScratchNamespace } from '../../support/scratch-namespace.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
/** What only a real kubelet does; the sandbox enforces no limits of disks. */
const itOnARealNode = environment.cluster === 'current' ? it : it.skip;
let scratch: ScratchNamespace;

beforeAll(async () => {
  scratch = await scratchNamespace(environment.kubeconfig, 'eviction');
});
afterAll(() => scratch.remove());

describe('an agent pod that is lost', () => {
  itOnARealNode('to the eviction of the kubelet says so', async () => {
    const spec = scratch.agentSpec({
      podTemplate: { spec: { volumes: [{ name: 'workspace', emptyDir: { sizeLimit: '5Mi' } }] } },
    });
    try {
      const agent = await scratch.kubernetes.agents.acquire(spec, soon());
      const running = runScript(agent, 'head -c 20000000 /dev/zero >big; sync; sleep 170', soon(170_000));

      await expect(running).rejects.toMatchObject({
        problem: 'evicted',
        message: expect.stringMatching(/evicted.*workspace/),
      });
    } finally {
      await scratch.kubernetes.agents.release(spec, soon());
    }
  });
});
