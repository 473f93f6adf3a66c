import type { ContainerReference } from '../../../ports/pod-access.ts';
import type { Connection } from '../client/connection.ts';
import type { KubernetesSettings } from '../settings.ts';
import { ConnectionLostError } from '../streams/connection-lost.ts';
import { exec } from '../streams/exec.ts';
import { Collector } from './collect.ts';
import { repeatWhereLost, type Repetition } from './repeat.ts';
import { TransferError } from './transfer-error.ts';

/** Bytes of each output that are kept where nothing else is asked. */
const defaultLargest = 1024 * 1024;

/** Where a query runs. */
export interface QueryTarget extends Repetition {
  connection: Connection;
  container: ContainerReference;
  settings: Pick<KubernetesSettings, 'retryBudgetMs' | 'silenceMs'>;
}

/**
 * Runs a short command that may be repeated, and again where its connection was refused, lost or fell silent.
 * @throws AgentError when the pod is gone; TransferError when it writes more than `largest` bytes; ClusterError; `signal.reason`
 */
export async function queryContainer(
  target: QueryTarget,
  command: readonly string[],
  { signal, largest = defaultLargest }: { signal: AbortSignal; largest?: number | undefined },
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const { connection, container, settings } = target;
  const what = `${command[0] ?? ''} in pod ${container.pod}`;
  return repeatWhereLost(target, signal, async (either) => {
    const stdout = new Collector(largest);
    const stderr = new Collector(defaultLargest);
    const { silenceMs } = settings;
    const result = await exec(connection, container, { command, stdout, stderr, signal: either, silenceMs });
    if (stdout.overflowed || stderr.overflowed)
      throw new TransferError(
        `the output of ${what} is longer than ${String(Math.round(largest / defaultLargest))} MiB`,
      );
    if (result.type === 'exited')
      return { exitCode: result.exitCode, stdout: stdout.text, stderr: stderr.text };
    throw new ConnectionLostError(`${what}: ${result.reason}`);
  });
}
