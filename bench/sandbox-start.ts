import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { runCommand } from '../scripts/run-command.ts';
import { createKubernetes } from '../src/adapters/kubernetes/create-kubernetes.ts';
import type { Bench } from './bench.ts';
import type { Figures } from './figures.ts';
import { sandboxFolder, startSandboxProcess } from './sandbox-process.ts';

const idleMs = 5000;

type Part = 'first' | 'answer' | 'cpu' | 'memory' | 'memoryUsed';

/** How long `pipeline sandbox start` takes until the API has answered a list, and what the idle process occupies. */
export function sandboxStart(bench: Bench): Figures<Part>[] {
  return [
    {
      name: 'sandbox start',
      rounds: 5,
      warmUp: true,
      parts: {
        first: { label: 'command to first answer, new folder', unit: 'ms', atMost: 1000 },
        answer: { label: 'command to first answer, folder with state', unit: 'ms', atMost: 1000 },
        cpu: { label: 'CPU time of the sandbox until then', unit: 'ms' },
        memory: { label: 'resident memory, idle for 5 s after the start', unit: 'MiB', atMost: 120 },
        memoryUsed: { label: 'the same after 200 objects made, listed, deleted', unit: 'MiB', atMost: 120 },
      },
      take: async () => {
        const folder = await sandboxFolder();
        const first = await startAndAsk(bench, folder);
        await runCommand([process.execPath, bench.cli, 'sandbox', 'stop', '--folder', folder]);
        const again = await startAndAsk(bench, folder);
        try {
          await sleep(idleMs);
          const memory = await residentMiB(again.sandbox.pid);
          await useIt(again.sandbox.kubeconfig);
          await sleep(idleMs);
          const memoryUsed = await residentMiB(again.sandbox.pid);
          return {
            first: [first.ms],
            answer: [again.ms],
            cpu: [again.cpuMs],
            memory: [memory],
            memoryUsed: [memoryUsed],
          };
        } finally {
          await again.sandbox.close();
        }
      },
    },
  ];
}

async function startAndAsk(bench: Bench, folder: string) {
  const started = performance.now();
  const sandbox = await startSandboxProcess(bench, folder);
  const kubernetes = await createKubernetes({ kubeconfig: sandbox.kubeconfig });
  const signal = AbortSignal.timeout(30_000);
  try {
    await kubernetes.cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'default' }, { signal });
    return { sandbox, ms: performance.now() - started, cpuMs: await cpuMs(sandbox.pid) };
  } finally {
    await kubernetes.close();
  }
}

async function useIt(kubeconfig: string): Promise<void> {
  const kubernetes = await createKubernetes({ kubeconfig });
  const { cluster } = kubernetes;
  const signal = AbortSignal.timeout(60_000);
  const kind = { apiVersion: 'v1', kind: 'ConfigMap' };
  try {
    const names = Array.from({ length: 200 }, (_, index) => `used-${String(index)}`);
    for (const name of names)
      await cluster.create({ ...kind, metadata: { name, namespace: 'default' }, data: { name } }, { signal });
    await cluster.list(kind, { namespace: 'default' }, { signal });
    for (const name of names) await cluster.delete({ ...kind, name, namespace: 'default' }, { signal });
  } finally {
    await kubernetes.close();
  }
}

async function residentMiB(pid: number): Promise<number> {
  const { stdout } = await runCommand(['ps', '-o', 'rss=', '-p', String(pid)]);
  return Number(stdout) / 1024;
}

/** User and system time. Linux counts it in hundredths of a second, elsewhere it is not known. */
async function cpuMs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return Number.NaN;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
