import { runCommand, type CommandResult } from '../scripts/run-command.ts';
import type { Bench } from './bench.ts';
import type { Comparison } from './measure.ts';
import { sharedSandbox } from './sandbox-process.ts';

/** `kubectl get pods` of ten pods on the sandbox, against the cluster of KUBECONFIG. The pods wait for a scheduler. */
export function sandboxKubectl(bench: Bench): Comparison[] {
  const sandbox = sharedSandbox(bench);
  const { namespace } = bench;
  let isFilled = false;
  const here = async (): Promise<string[]> => ['--kubeconfig', (await sandbox.get()).kubeconfig];
  const get = async (where: readonly string[]): Promise<CommandResult> => {
    const result = await kubectl([...where, '--namespace', namespace, 'get', 'pods', '--no-headers']);
    const { length } = result.stdout.split('\n').filter((line) => line.startsWith('waiting-'));
    if (length !== 10) throw new Error(`kubectl showed ${String(length)} pods, not 10`);
    return result;
  };
  const fill = async (): Promise<void> => {
    if (isFilled) return;
    await kubectl([...(await here()), 'create', 'namespace', namespace]);
    for (const where of [await here(), []])
      await kubectl([...where, 'create', '--filename', '-'], pods(namespace));
    isFilled = true;
  };
  return [
    {
      name: 'sandbox: kubectl get pods',
      rounds: 15,
      goal: { atMost: 1 },
      ours: {
        label: 'the sandbox',
        run: async () => {
          // In the round that is not counted.
          await fill();
          await get(await here());
        },
      },
      theirs: {
        label: 'the API server of KUBECONFIG',
        run: async () => {
          await fill();
          await get([]);
        },
      },
      close: async () => {
        if (isFilled)
          await kubectl(['--namespace', namespace, 'delete', 'pods', '--selector', 'app=bench-waiting']);
        await sandbox.close();
      },
    },
  ];
}

function kubectl(args: readonly string[], input?: string): Promise<CommandResult> {
  return runCommand(['kubectl', ...args], input === undefined ? {} : { input });
}

function pods(namespace: string): string {
  const items = Array.from({ length: 10 }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `waiting-${String(index)}`, namespace, labels: { app: 'bench-waiting' } },
    spec: { schedulerName: 'nobody', containers: [{ name: 'main', image: 'busybox' }] },
  }));
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
