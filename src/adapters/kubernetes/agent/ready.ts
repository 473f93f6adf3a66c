import { AgentError, type AgentSpec } from '../../../ports/agent.ts';
import { ClusterError } from '../../../ports/cluster-errors.ts';
import type { Connection } from '../client/connection.ts';
import type { KubernetesSettings } from '../settings.ts';
import { ConnectionLostError } from '../streams/connection-lost.ts';
import { openExec } from '../streams/exec.ts';
import type { ChannelSocket } from '../streams/channel-socket.ts';
import { ControlParser } from './control-records.ts';
import type { PodMonitor } from './pod-monitor.ts';
import type { PodView } from './pod-status.ts';
import { repeatWhereLost, type Repetition } from './repeat.ts';
import { readyScript } from './container-scripts.ts';
import { untilIdle, type StepSessions } from './step-sessions.ts';

/** What of an agent is waited for. */
export interface ReadyParts extends Repetition {
  connection: Connection;
  settings: Pick<KubernetesSettings, 'retryBudgetMs' | 'silenceMs'>;
  monitor: PodMonitor;
  spec: AgentSpec;
  pod: string;
  /** Gets the execs that waited, each of which can run the first step of its container. */
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

/** Asks each step container as soon as it runs; each answers for itself alone. Keeps the execs for the first steps. */
async function untilAnswered(parts: ReadyParts, signal: AbortSignal): Promise<void> {
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  const answers = await Promise.allSettled(
    parts.spec.containers.map(async ({ name }) => {
      try {
        return await untilIdleIn(name, parts, either);
      } catch (error) {
        failing.abort(error);
        throw error;
      }
    }),
  );
  const failed = answers.find((answer) => answer.status === 'rejected');
  for (const answer of answers) {
    if (answer.status !== 'fulfilled') continue;
    const { container, socket, control } = answer.value;
    if (failed === undefined) parts.sessions.keep(container, socket, { control, idle: true });
    else socket.close();
  }
  if (failed !== undefined) throw failed.reason;
}

/** Opens the exec of one container, whose wrapper waits for a step then. */
async function untilIdleIn(
  name: string,
  parts: ReadyParts,
  signal: AbortSignal,
): Promise<{ container: string; socket: ChannelSocket; control: ControlParser }> {
  const { connection, monitor, spec, pod, settings } = parts;
  const { silenceMs } = settings;
  const container = { namespace: spec.namespace, pod, container: name };
  const command = ['/bin/sh', '-c', readyScript, 'slipway', name];
  await monitor.until(() => monitor.isRunning(name), signal);
  return repeatWhereLost(parts, signal, async (either) => {
    const socket = await openExec(connection, container, { command, stdin: true, signal: either, silenceMs });
    const control = new ControlParser();
    let answered = false;
    try {
      const answer = await untilIdle(socket, control, either);
      if (answer.type === 'lost') throw new ConnectionLostError(`${pod}: ${answer.reason}`);
      if (answer.type === 'ended') {
        const message = `container ${name} of agent pod ${pod} does not answer: ${answer.diagnostics}`;
        throw new AgentError('containerStart', message);
      }
      answered = true;
      return { container: name, socket, control };
    } finally {
      if (!answered) socket.close();
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
