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
  const { connection, container } = target;
  const what = `${command[0] ?? ''} in pod ${container.pod}`;
  return repeatWhereLost(target, signal, async (either) => {
    const stdout = new Collector(outputLimit);
    const stderr = new Collector(outputLimit);
    const result = await exec(connection, container, { command, stdout, stderr, signal: either });
    if (stdout.overflowed || stderr.overflowed)
      throw new TransferError(`the output of ${what} is longer than 1 MiB`);
    if (result.type === 'exited')
      return { exitCode: result.exitCode, stdout: stdout.text, stderr: stderr.text };
    throw new UnreachableError(`${what}: ${result.reason}`);
  });
}

/**
 * Asks a pod something, and again, five times in all, when it ends in an UnreachableError.
 * @param ask gets a signal that ends with the pod too
 * @throws AgentError when the pod is gone; what `ask` throws; `signal.reason`
 */
export async function repeatWhereLost<T>(
  { monitor }: Pick<QueryTarget, 'monitor'>,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = AbortSignal.any([signal, monitor.failure]);
  for (let attempt = 1; ; attempt += 1) {
    let error: ClusterError;
    try {
      return await ask(either);
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
