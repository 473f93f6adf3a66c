import { randomBytes } from 'node:crypto';
import {
  createKubernetes,
  type Kubernetes,
  type KubernetesOptions,
} from '../../src/adapters/kubernetes/create-kubernetes.ts';
import type { AgentSpec } from '../../src/ports/agent.ts';

/** An adapter on a test cluster, and a namespace of its own there. */
export interface ScratchNamespace {
  kubernetes: Kubernetes;
  namespace: string;
  /** An agent of one small container `main`; each call is a run of its own. */
  agentSpec(more?: Partial<AgentSpec>): AgentSpec;
  /** Deletes the namespace without waiting, and closes the adapter. */
  remove(): Promise<void>;
}

/** What test agents run: any image in the sandbox, one that the node has on a real cluster. */
export const testImage = process.env['SLIPWAY_TEST_IMAGE'] ?? 'busybox:local';

/** A moment to spare for every call of a test. */
export function soon(ms = 60_000): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) };
}

/** Makes a namespace; `options` are the adapter's. */
export async function scratchNamespace(
  kubeconfig: string,
  name: string,
  options: KubernetesOptions = {},
): Promise<ScratchNamespace> {
  const kubernetes = await createKubernetes({ kubeconfig, ...options });
  const namespace = `test-${name}-${randomBytes(3).toString('hex')}`;
  const reference = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
  await kubernetes.cluster.create({ ...reference, metadata: { name: namespace } }, soon());
  let runs = 0;
  return {
    kubernetes,
    namespace,
    agentSpec: (more = {}) => ({
      runId: `${namespace}-${String((runs += 1))}`,
      pipeline: 'test',
      name: 'main',
      namespace,
      containers: [{ name: 'main', image: testImage, env: {}, imagePullPolicy: 'IfNotPresent' }],
      services: [],
      imagePullSecrets: [],
      deadlineSeconds: 900,
      startTimeoutMs: 60_000,
      ...more,
    }),
    remove: async () => {
      await kubernetes.cluster.delete(reference, soon());
      await kubernetes.close();
    },
  };
}
