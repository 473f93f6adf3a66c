import { describe, expect, it } from '@jest/globals';
import { examine } from '../../../src/app/doctor.ts';
import { AgentError } from '../../../src/ports/agent.ts';
import { FakeCluster } from '../../fakes/cluster.ts';

type Rehearse = (onWarning: (text: string) => void) => Promise<void>;

async function findingsOf(rehearse: Rehearse) {
  const findings = examine({
    cluster: new FakeCluster(),
    agentNamespace: 'ci',
    ...{
      releaseNamespaces: [],
      secrets: [],
      builders: [],
      pushTargets: [],
      agentImages: [],
      pulls: async () => [],
    },
    registry: {} as never, // there is nothing to push or to look up
    agents: [{ name: 'main', rehearse }],
    signal: new AbortController().signal,
  });
  const found = [];
  for await (const { check, state, message } of findings) if (check === 'agent') found.push([state, message]);
  return found;
}

describe('the doctor', () => {
  it('tells what the API warns of when it takes the pod of an agent, each once', async () => {
    const found = await findingsOf(async (warn) => {
      for (const text of ['would violate PodSecurity "restricted:latest"', 'b', 'b']) warn(text);
    });

    expect(found).toEqual([
      ['ok', 'ci takes the pod of agent main'],
      ['warning', 'the pod of agent main: would violate PodSecurity "restricted:latest"'],
      ['warning', 'the pod of agent main: b'],
    ]);
  });

  it('tells it when the API refuses the pod, too', async () => {
    const found = await findingsOf(async (warn) => {
      warn('b');
      throw new AgentError('admission', 'the agent pod was refused');
    });

    expect(found).toEqual([
      ['failed', 'the agent pod was refused'],
      ['warning', 'the pod of agent main: b'],
    ]);
  });
});
