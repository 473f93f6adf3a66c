import { AgentError } from '../../../ports/agent.ts';
import { ClusterError, NotFoundError } from '../../../ports/cluster-errors.ts';
import type { PodMonitor } from './pod-monitor.ts';
import { TransferError } from './transfer-error.ts';

/** What is asked whether the pod is still there. */
export type PodWitness = Pick<PodMonitor, 'failure' | 'confirm'>;

/**
 * What a failed call to an agent pod means: asks the API whether the pod is still there, since the watch may tell later
 * than the call. A call that failed for another reason keeps its error.
 * @returns the error to throw: an AgentError when the pod is lost
 * @throws `signal.reason`
 */
export async function lossBehind(error: unknown, monitor: PodWitness, signal: AbortSignal): Promise<unknown> {
  signal.throwIfAborted();
  if (!(error instanceof ClusterError || error instanceof TransferError)) return error;
  try {
    await monitor.confirm(signal);
  } catch {
    signal.throwIfAborted();
    return error; // the API cannot be asked now: the call's own error says the most
  }
  if (monitor.failure.aborted) return monitor.failure.reason;
  if (!(error instanceof NotFoundError)) return error;
  // The pod has an entry in the API still, but its node knows it no more.
  return new AgentError('deleted', `the agent pod no longer exists: ${error.message}`, { cause: error });
}
