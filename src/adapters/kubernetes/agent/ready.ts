import { AgentError, type AgentSpec } from '../../../ports/agent.ts';
import { ClusterError } from '../../../ports/cluster-errors.ts';
import type { Connection } from '../client/connection.ts';
import type { PodMonitor } from './pod-monitor.ts';
import type { PodView } from './pod-status.ts';
import { queryContainer } from './query.ts';
import { readyScript } from './step-script.ts';

/** What of an agent is waited for. */
export interface ReadyParts {
  connection: Connection;
  monitor: PodMonitor;
  spec: AgentSpec;
  pod: string;
}

/**
 * Waits until every step container has laid its wrapper down and every service is ready.
 * @throws AgentError as soon as Kubernetes knows why that will never be; `startTimeout` otherwise
 */
export async function readAgent({ connection, monitor, spec, pod }: ReadyParts): Promise<void> {
  const { startTimeoutMs, namespace, containers, services } = spec;
  const deadline = AbortSignal.timeout(startTimeoutMs);
  const names = containers.map(({ name }) => name);
  const first = containers[0].name;
  try {
    await monitor.until((view) => isRunning(view, [first]), deadline);
    const container = { namespace, pod, container: first };
    const command = ['/bin/sh', '-c', readyScript, 'slipway', ...names];
    const answered = queryContainer({ connection, monitor, container }, command, deadline);
    const serving = monitor.until(
      (view) =>
        isReady(
          view,
          services.map(({ name }) => name),
        ),
      deadline,
    );
    const [answer] = await Promise.all([answered, serving]);
    if (answer.exitCode !== 0) {
      throw new AgentError('containerStart', `agent pod ${pod} does not answer: ${answer.stderr.trim()}`);
    }
  } catch (error) {
    monitor.failure.throwIfAborted();
    if (deadline.aborted) {
      const seconds = String(Math.round(startTimeoutMs / 1000));
      throw new AgentError(
        'startTimeout',
        `agent pod ${pod} is not ready after ${seconds} s: ${monitor.waitingFor}`,
        {
          cause: error,
        },
      );
    }
    if (error instanceof ClusterError) {
      throw new AgentError('containerStart', `agent pod ${pod} does not answer: ${error.message}`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    monitor.started();
  }
}

function isRunning(pod: PodView, names: readonly string[]): boolean {
  const statuses = pod.status.containerStatuses ?? [];
  return names.every((name) =>
    statuses.some((entry) => entry.name === name && entry.state.running !== undefined),
  );
}

/** A service that has done its work and ended well does not count as missing. */
function isReady(pod: PodView, names: readonly string[]): boolean {
  const statuses = pod.status.containerStatuses ?? [];
  return names.every((name) =>
    statuses.some((entry) => entry.name === name && (entry.ready || entry.state.terminated?.exitCode === 0)),
  );
}
