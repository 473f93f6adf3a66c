import { describe, expect, it } from '@jest/globals';
import { KubernetesAgents } from '../../../../../src/adapters/kubernetes/agent/agents.ts';
import type { AgentSpec } from '../../../../../src/ports/agent.ts';
import type { WriteOptions } from '../../../../../src/ports/cluster.ts';
import { RejectedError } from '../../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../../src/ports/kubernetes-object.ts';

const { signal } = new AbortController();
const spec: AgentSpec = {
  ...{
    runId: '01J',
    pipeline: 'shop',
    name: 'main',
    namespace: 'ci',
    deadlineSeconds: 60,
    startTimeoutMs: 1000,
  },
  containers: [{ name: 'main', image: 'node:24', env: {}, imagePullPolicy: 'IfNotPresent' }],
  services: [],
  imagePullSecrets: [],
};

/** Agents on an API that answers the creation of a pod so. */
function agentsOn(answer: (pod: KubernetesObject) => KubernetesObject) {
  const calls: { kind: string; dryRun: boolean | undefined }[] = [];
  const cluster = {
    create: async (pod: KubernetesObject, { dryRun }: WriteOptions) => {
      calls.push({ kind: pod.kind, dryRun });
      return answer(pod);
    },
  };
  return { agents: new KubernetesAgents({ cluster } as never), calls };
}

describe('the rehearsal of an agent', () => {
  it('asks by a dry run alone', async () => {
    const { agents, calls } = agentsOn((pod) => pod);

    await agents.rehearse(spec, { signal });

    expect(calls).toEqual([{ kind: 'Pod', dryRun: true }]);
  });

  it('says what to do where Pod Security refuses the pod', async () => {
    const { agents } = agentsOn(() => {
      throw new RejectedError('pods "shop-01j" is forbidden: violates PodSecurity "restricted:latest"', {
        status: 403,
      });
    });

    await expect(agents.rehearse(spec, { signal })).rejects.toMatchObject({
      problem: 'admission',
      hint: 'docs/agents.md, "Pod Security", has a podTemplate that the level restricted takes',
    });
  });
});
