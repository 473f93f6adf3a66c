import { UnreachableError, type ClusterError } from '../../../ports/cluster-errors.ts';
import { TransferError } from './transfer-error.ts';
import type { ContainerReference } from '../../../ports/pod-access.ts';
import type { Connection } from '../client/connection.ts';
import { pause } from '../client/pause.ts';
import { exec } from '../streams/exec.ts';
import { backoffMs } from '../watch/watch-loop.ts';
import { Collector } from './collect.ts';
import type { PodMonitor } from './pod-monitor.ts';

const outputLimit = 1024 * 1024;
const attempts = 5;

/** Where a query runs. */
export interface QueryTarget {
  connection: Connection;
  monitor: Pick<PodMonitor, 'failure' | 'confirm'>;
  container: ContainerReference;
}

/**
 * Runs a short command that may be repeated, and again where its connection was lost.
 * @throws AgentError when the pod is gone; TransferError when it writes more than 1 MiB; ClusterError; `signal.reason`
 */
export async function queryContainer(
  target: QueryTarget,
  command: readonly string[],
  signal: AbortSignal,
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const { connection, monitor, container } = target;
  const either = AbortSignal.any([signal, monitor.failure]);
  for (let attempt = 1; ; attempt += 1) {
    const stdout = new Collector(outputLimit);
    const stderr = new Collector(outputLimit);
    let error: ClusterError;
    try {
      const result = await exec(connection, container, { command, stdout, stderr, signal: either });
      if (stdout.overflowed || stderr.overflowed) {
        throw new TransferError(
          `the output of ${command[0] ?? ''} in pod ${container.pod} is longer than 1 MiB`,
        );
      }
      if (result.type === 'exited')
        return { exitCode: result.exitCode, stdout: stdout.text, stderr: stderr.text };
      error = new UnreachableError(`${command[0] ?? ''} in pod ${container.pod}: ${result.reason}`);
    } catch (caught) {
      either.throwIfAborted();
      if (!(caught instanceof UnreachableError)) throw caught;
      error = caught;
    }
    if (attempt >= attempts) throw error;
    if (attempt > 1) await monitor.confirm(either);
    await pause(backoffMs(attempt, Math.random()), either);
  }
}
