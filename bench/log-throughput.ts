import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

import { createKubernetes } from '../src/adapters/kubernetes/create-kubernetes.ts';
import type { Agent } from '../src/ports/agent.ts';
import type { Bench } from './bench.ts';
import type { Comparison, Contestant } from './measure.ts';

const bytes = 1024 ** 3;
/** The same for both: a writer that takes more than one chunk at a time. */
const highWaterMark = 1024 * 1024;
/** 1 GiB of lines, as a log has them. */
const fill = `[ -e log ] || { yes 'the quick brown fox jumps over the lazy dog, again and again and again' | head -c ${String(bytes)} >log; }`;
/** More than this on top of what the process had is not flat. */
const memoryLimitBytes = 150 * 1024 * 1024;

/** The log of a step against `kubectl exec -- cat`: both write 1 GiB that the pod has in a file to /dev/null. */
export function logThroughput({ namespace, image }: Bench): Comparison[] {
  let pod = '';
  let count = 0;
  const withAgent = async (work: (agent: Agent, signal: AbortSignal) => Promise<void>): Promise<void> => {
    const signal = AbortSignal.timeout(300_000);
    const kubernetes = await createKubernetes();
    try {
      const agent = await kubernetes.agents.acquire(agentSpec(namespace, image), { signal });
      await agent.ready({ signal });
      if (pod === '') await agent.query(['sh', '-c', `cd /workspace && ${fill}`], { signal });
      pod = agent.pod;
      await work(agent, signal);
    } finally {
      await kubernetes.close();
    }
  };
  const ours: Contestant = {
    label: 'a step that writes the file, followed',
    run: () =>
      withAgent(async (agent, signal) => {
        count += 1;
        const step = {
          id: `log.${String(process.pid)}.${String(count)}`,
          container: 'main',
          script: 'cat log',
          shell: ['sh', '-e'],
          workingDirectory: '.',
          env: {},
        };
        const before = process.memoryUsage.rss();
        let most = before;
        let received = 0;
        const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 50);
        const sink = createWriteStream('/dev/null', { highWaterMark });
        try {
          await agent.runStep(step, {
            signal,
            onOutput: async (chunk) => {
              received += chunk.length;
              if (!sink.write(chunk)) await once(sink, 'drain');
            },
          });
        } finally {
          clearInterval(watch);
          sink.end();
          await once(sink, 'close');
        }
        await agent.query(['rm', `/slipway/main/steps/${step.id}/log`], { signal });
        console.log(`memory grew by ${String(Math.round((most - before) / 1024 / 1024))} MiB`);
        if (received !== bytes) throw new Error(`${String(received)} bytes arrived`);
        if (most - before > memoryLimitBytes) throw new Error('memory is not flat');
      }),
  };
  const theirs: Contestant = {
    label: 'kubectl exec -- cat',
    run: async () => {
      if (pod === '') await withAgent(() => Promise.resolve());
      const command = ['--namespace', namespace, 'exec', pod, '--', 'cat', '/workspace/log'];
      const child = spawn('kubectl', command, { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(child, 'close');
      await pipeline(child.stdout, createWriteStream('/dev/null', { highWaterMark }));
      const [exitCode] = (await ended) as [number];
      if (exitCode !== 0) throw new Error(`kubectl ended with ${String(exitCode)}`);
    },
  };
  return [{ name: 'log throughput of a step, 1 GiB', ours, theirs, goal: { atMost: 1 / 0.9 }, rounds: 3 }];
}

function agentSpec(namespace: string, image: string) {
  return {
    runId: `${namespace}-log`,
    pipeline: 'bench',
    name: 'main',
    namespace,
    containers: [{ name: 'main', image, env: {}, imagePullPolicy: 'IfNotPresent' as const }] as const,
    services: [],
    imagePullSecrets: [],
    deadlineSeconds: 1800,
    startTimeoutMs: 120_000,
  };
}
