import { AgentError, type AgentSpec } from '../../../ports/agent.ts';
import { ClusterError, UnreachableError } from '../../../ports/cluster-errors.ts';
import type { Connection } from '../client/connection.ts';
import { openExec } from '../streams/exec.ts';
import { ControlParser } from './control-records.ts';
import type { PodMonitor } from './pod-monitor.ts';
import type { PodView } from './pod-status.ts';
import { repeatWhereLost } from './query.ts';
import { readyScript } from './step-script.ts';
import { untilIdle, type StepSessions } from './step-sessions.ts';

/** What of an agent is waited for. */
export interface ReadyParts {
  connection: Connection;
  monitor: PodMonitor;
  spec: AgentSpec;
  pod: string;
  /** Gets the exec that waited, which can run the first step. */
  sessions: StepSessions;
}

/**
 * Waits until every step container has laid its wrapper down and every service is ready.
 * @throws AgentError as soon as Kubernetes knows why that will never be; `startTimeout` otherwise
 */
export async function readAgent(parts: ReadyParts): Promise<void> {
  const { monitor, spec, pod } = parts;
  const { startTimeoutMs, services } = spec;
  const deadline = AbortSignal.timeout(startTimeoutMs);
  const names = services.map(({ name }) => name);
  try {
    await Promise.all([
      untilAnswered(parts, deadline),
      monitor.until((view) => isReady(view, names), deadline),
    ]);
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

/** Asks the first container as soon as it runs; it answers for all, by what they lay down in the folder they share. */
async function untilAnswered(parts: ReadyParts, signal: AbortSignal): Promise<void> {
  const { connection, monitor, spec, pod, sessions } = parts;
  const { namespace, containers } = spec;
  const first = containers[0].name;
  const container = { namespace, pod, container: first };
  const names = containers.map(({ name }) => name);
  const command = ['/bin/sh', '-c', readyScript, 'slipway', ...names];
  await monitor.until(() => monitor.isRunning(first), signal);
  await repeatWhereLost(parts, signal, async (either) => {
    const socket = await openExec(connection, container, { command, stdin: true, signal: either });
    const control = new ControlParser();
    let kept = false;
    try {
      const answer = await untilIdle(socket, control, either);
      if (answer.type === 'lost') throw new UnreachableError(`${pod}: ${answer.reason}`);
      if (answer.type === 'ended') {
        throw new AgentError('containerStart', `agent pod ${pod} does not answer: ${answer.diagnostics}`);
      }
      sessions.keep(first, socket, { control, idle: true });
      kept = true;
    } finally {
      if (!kept) socket.close();
    }
  });
}

/** A service that has done its work and ended well does not count as missing. */
function isReady(pod: PodView, names: readonly string[]): boolean {
  const statuses = pod.status.containerStatuses ?? [];
  return names.every((name) =>
    statuses.some((entry) => entry.name === name && (entry.ready || entry.state.terminated?.exitCode === 0)),
  );
}
