import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { openBuildContext } from '../src/adapters/build-context/open-build-context.ts';
import { createKubernetes } from '../src/adapters/kubernetes/create-kubernetes.ts';
import type { Agent } from '../src/ports/agent.ts';
import type { Bench } from './bench.ts';
import type { Comparison, Contestant } from './measure.ts';

/** 1 GiB: half of it one file, half of it many. */
const fill = [
  'mkdir -p web/many web/node_modules && cd web && echo FROM scratch >Dockerfile && echo node_modules >.dockerignore',
  '[ -f done ] || { head -c 536870912 /dev/zero >big; head -c 262144 /dev/zero >node_modules/small; ' +
    'i=0; while [ $i -lt 2048 ]; do cp node_modules/small many/$i; i=$((i+1)); done; touch done; }',
].join(' && ');

/** More than this on top of what the process had is not flat. */
const memoryLimitBytes = 200 * 1024 * 1024;

/** The workspace as a builder gets it, through .dockerignore, against a plain tar by kubectl; both into a file. */
export function workspaceToBuilder({ namespace, image }: Bench): Comparison[] {
  const target = join(tmpdir(), `${namespace}-context.tar`);
  let pod = '';
  const withAgent = async <T>(work: (agent: Agent, signal: AbortSignal) => Promise<T>): Promise<T> => {
    const signal = AbortSignal.timeout(300_000);
    const kubernetes = await createKubernetes();
    try {
      const agent = await kubernetes.agents.acquire(agentSpec(namespace, image), { signal });
      await agent.ready({ signal });
      pod = agent.pod;
      return await work(agent, signal);
    } finally {
      await kubernetes.close();
    }
  };
  const prepare = () =>
    withAgent(async (agent, signal) => {
      const filled = await agent.query(['sh', '-c', fill], { signal });
      if (filled.exitCode !== 0) throw new Error(filled.stderr);
    });
  const ours: Contestant = {
    label: 'build context through .dockerignore to a file',
    run: async () => {
      if (pod === '') await prepare();
      await withAgent(async (agent, signal) => {
        const before = process.memoryUsage.rss();
        let most = before;
        const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 50);
        try {
          const context = await openBuildContext(request(agent), { signal });
          await context.read((tar) => pipeline(tar, createWriteStream(target)));
        } finally {
          clearInterval(watch);
        }
        console.log(`memory grew by ${String(Math.round((most - before) / 1024 / 1024))} MiB`);
        if (most - before > memoryLimitBytes) throw new Error('memory is not flat');
      });
      await rm(target);
    },
  };
  const theirs: Contestant = {
    label: 'kubectl exec -- tar to a file',
    run: async () => {
      if (pod === '') await prepare();
      const child = spawn(
        'kubectl',
        ['--namespace', namespace, 'exec', pod, '--', 'tar', '-C', '/workspace/web', '-cf', '-', '.'],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const ended = once(child, 'close');
      await pipeline(child.stdout, createWriteStream(target));
      const [exitCode] = (await ended) as [number];
      if (exitCode !== 0) throw new Error(`kubectl ended with ${String(exitCode)}`);
      await rm(target);
    },
  };
  return [{ name: 'workspace to builder, 1 GiB', ours, theirs, goal: { atMost: 1 / 0.9 }, rounds: 3 }];
}

function agentSpec(namespace: string, image: string) {
  return {
    runId: `${namespace}-context`,
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

function request(agent: Agent) {
  return {
    agent,
    contextDirectory: `${agent.workspace}/web`,
    dockerfile: 'Dockerfile',
    repository: 'registry.example.com/bench/web',
    tags: ['1'] as const,
    buildArguments: {},
    labels: {},
    cacheFrom: [],
  };
}
