import { join } from 'node:path';

import { runCommand } from '../scripts/run-command.ts';
import { kubeconfigOf, type Bench } from './bench.ts';
import type { RunsTaken } from './fifty-runs-process.ts';
import type { Figures } from './figures.ts';
import { sharedSandbox } from './sandbox-process.ts';

type Part = 'wall' | 'cpu' | 'requests' | 'requestsAlone' | 'peak' | 'growth';

/** What fifty runs at once in one process cost, on the sandbox. */
export function fiftyRunsOnSandbox(bench: Bench): Figures<Part>[] {
  const sandbox = sharedSandbox(bench);
  const where = async () => ({ kubeconfig: (await sandbox.get()).kubeconfig, namespace: 'default' });
  return [{ ...figures(bench, 'fifty runs at once, sandbox', where), close: sandbox.close }];
}

/** The same on the cluster of KUBECONFIG. A node takes 110 pods as it comes. */
export function fiftyRunsOnCluster(bench: Bench): Figures<Part>[] {
  const { namespace } = bench;
  const where = () => Promise.resolve({ kubeconfig: kubeconfigOf(process.env), namespace });
  return [figures(bench, 'fifty runs at once, cluster', where)];
}

function figures(
  { root, image }: Bench,
  name: string,
  where: () => Promise<{ kubeconfig: string; namespace: string }>,
): Figures<Part> {
  return {
    name,
    rounds: 2,
    parts: {
      wall: { label: 'from the first start to the last end', unit: 's' },
      cpu: { label: 'CPU time of the process, a run', unit: 'ms' },
      requests: { label: 'API requests, a run', unit: 'requests' },
      requestsAlone: { label: 'API requests of one run alone', unit: 'requests' },
      peak: { label: 'greatest resident memory of the process', unit: 'MiB', atMost: 512 },
      growth: { label: 'of it above what it had before the first run', unit: 'MiB' },
    },
    take: async () => {
      const { kubeconfig, namespace } = await where();
      const take = async (count: number): Promise<RunsTaken> => {
        const script = join(root, 'bench', 'fifty-runs-process.ts');
        const command = [process.execPath, script, String(count), kubeconfig, namespace, image];
        return JSON.parse((await runCommand(command)).stdout) as RunsTaken;
      };
      const alone = await take(1);
      const fifty = await take(50);
      return {
        wall: [fifty.wallMs / 1000],
        cpu: [fifty.cpuMs / 50],
        requests: [fifty.requests / 50],
        requestsAlone: [alone.requests],
        peak: [fifty.peakMiB],
        growth: [fifty.peakMiB - fifty.beforeMiB],
      };
    },
  };
}
