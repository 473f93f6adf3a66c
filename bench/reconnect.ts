import { setTimeout as sleep } from 'node:timers/promises';

import { createKubernetes } from '../src/adapters/kubernetes/create-kubernetes.ts';
import { startTcpProxy } from '../test/chaos/proxy/api-proxy.ts';
import { kubeconfigOf, type Bench } from './bench.ts';
import type { Figures } from './figures.ts';

const cuts = 10;
/** A line every 20 ms or so: finer than what is measured. */
const script = 'while [ ! -e stop ]; do echo tick; sleep 0.02; done';

/** How long a step's output pauses when all connections to the API are cut, by a TCP proxy that resets them. */
export function reconnect({ namespace, image }: Bench): Figures<'gap'>[] {
  let count = 0;
  return [
    {
      name: 'reconnect after a cut',
      rounds: 3,
      parts: { gap: { label: 'pause of the output', unit: 'ms', atMost: 2000 } },
      take: async () => {
        count += 1;
        const signal = AbortSignal.timeout(180_000);
        const proxy = await startTcpProxy(kubeconfigOf(process.env));
        const kubernetes = await createKubernetes({ kubeconfig: proxy.kubeconfig });
        const run = { runId: `${namespace}-cut-${String(count)}`, namespace };
        try {
          const agent = await kubernetes.agents.acquire(agentSpec(run, image), { signal });
          await agent.ready({ signal });
          const heardAt: number[] = [];
          const step = {
            id: 'ticks',
            container: 'main',
            shell: ['sh', '-e'],
            workingDirectory: '.',
            env: {},
          };
          const onOutput = () => void heardAt.push(performance.now());
          const running = agent.runStep({ ...step, script }, { signal, onOutput });
          const gap: number[] = [];
          const measureCuts = async (): Promise<void> => {
            while (gap.length < cuts) {
              await more(heardAt);
              const before = heardAt.length - 1;
              proxy.tcp.cut();
              await sleep(1000);
              await more(heardAt);
              // What had arrived before the cut may be handed on after it: the pause is the longest one.
              const times = heardAt.slice(before);
              gap.push(Math.max(...times.slice(1).map((time, index) => time - times[index]!)));
            }
          };
          // The step ends only when it is told to: ending before is its failure.
          await Promise.race([
            measureCuts(),
            running.then(() => Promise.reject(new Error('the step ended'))),
          ]);
          await agent.query(['touch', `${agent.workspace}/stop`], { signal });
          await running;
          return { gap };
        } finally {
          await kubernetes.agents.release(run, { signal: AbortSignal.timeout(30_000) });
          await kubernetes.close();
          await proxy.close();
        }
      },
    },
  ];
}

/** Waits until there is more than there was. */
async function more(heardAt: readonly number[]): Promise<void> {
  const { length } = heardAt;
  while (heardAt.length === length) await sleep(5);
}

function agentSpec(run: { runId: string; namespace: string }, image: string) {
  return {
    ...run,
    pipeline: 'bench',
    name: 'main',
    containers: [{ name: 'main', image, env: {}, imagePullPolicy: 'IfNotPresent' as const }] as const,
    services: [],
    imagePullSecrets: [],
    deadlineSeconds: 600,
    startTimeoutMs: 120_000,
  };
}
