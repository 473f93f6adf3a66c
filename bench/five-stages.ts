import { join } from 'node:path';

import { runCommand, type CommandResult } from '../scripts/run-command.ts';
import type { Bench } from './bench.ts';
import type { Comparison, Contestant } from './measure.ts';

const stages = [1, 2, 3, 4, 5];

/** A run of five trivial stages, against the same commands by kubectl: in one pod, and in a pod each. */
export function fiveStages({ root, cli, namespace, image }: Bench): Comparison[] {
  const kubectl = (...args: string[]): Promise<CommandResult> =>
    runCommand(['kubectl', '--namespace', namespace, ...args]);
  let count = 0;
  const ours: Contestant = {
    label: 'pipeline run, five stages',
    run: () =>
      runCommand([
        ...[process.execPath, cli, 'run', join(root, 'bench', 'five-stages.yaml')],
        ...['--namespace', namespace, '--output', 'plain', '--param', `image=${image}`],
      ]),
  };
  const onePod: Contestant = {
    label: 'kubectl run, wait, five kubectl exec, delete',
    run: async () => {
      const pod = `bench-one-${(count += 1)}`;
      await kubectl('run', pod, `--image=${image}`, '--restart=Never', '--command', '--', 'sleep', '600');
      await kubectl('wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s');
      for (const stage of stages) await kubectl('exec', pod, '--', 'sh', '-e', '-c', `echo "stage ${stage}"`);
      await kubectl('delete', 'pod', pod, '--wait=false', '--grace-period=0');
    },
  };
  const podEach: Contestant = {
    label: 'five kubectl run --rm',
    run: async () => {
      for (const stage of stages) {
        const pod = `bench-each-${(count += 1)}`;
        await kubectl(
          ...['run', pod, `--image=${image}`, '--rm', '--attach', '--restart=Never', '--quiet'],
          ...['--command', '--', 'sh', '-e', '-c', `echo "stage ${stage}"`],
        );
      }
    },
  };
  return [
    { name: 'five stages against one pod by hand', ours, theirs: onePod, goal: { atMost: 1.1 }, rounds: 7 },
    { name: 'five stages against a pod a stage', ours, theirs: podEach, goal: { atLeast: 4 }, rounds: 5 },
  ];
}
