import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { testCluster, type TestCluster } from '../support/cluster.ts';
import { runScript } from '../support/run-script.ts';
import { scratchNamespace, soon, testImage, type ScratchNamespace } from '../support/scratch-namespace.ts';

jest.setTimeout(120_000);

let cluster: TestCluster;
let scratch: ScratchNamespace;

beforeAll(async () => {
  cluster = await testCluster();
  scratch = await scratchNamespace(cluster.kubeconfig, 'late-containers');
});
afterAll(async () => {
  await scratch.remove();
  await cluster.close();
});

it('a container that starts later than the first is waited for', async () => {
  const { agents } = scratch.kubernetes;
  const main = { name: 'main', image: testImage, env: {}, imagePullPolicy: 'IfNotPresent' as const };
  // A container that cannot say for two seconds that its wrapper lies there: its command is told to wait first.
  const late = { name: 'late', command: ['sh', '-c', 'sleep 2; exec "$0" "$@"'] };
  const spec = scratch.agentSpec({ containers: [main, { ...main, name: 'late' }] });
  const plain = await agents.acquire(spec, soon());
  await plain.ready(soon());
  const pod = await scratch.kubernetes.cluster.get(
    { apiVersion: 'v1', kind: 'Pod', name: plain.pod, namespace: plain.namespace },
    soon(),
  );
  const containers = (pod as unknown as { spec: { containers: { name: string; command: string[] }[] } }).spec
    .containers;
  const usual = containers.find(({ name }) => name === 'late')!.command;
  await agents.release(spec, soon());

  const startedAt = performance.now();
  const podTemplate = { spec: { containers: [{ ...late, command: [...late.command, ...usual] }] } };
  const slow = scratch.agentSpec({ containers: spec.containers, podTemplate });
  const agent = await agents.acquire(slow, soon());
  const { result, output } = await runScript(agent, 'echo here', { container: 'late' });

  expect(result).toMatchObject({ exitCode: 0 });
  expect(output).toBe('here\n');
  expect(performance.now() - startedAt).toBeGreaterThan(2000);
  await agents.release(slow, soon());
});
