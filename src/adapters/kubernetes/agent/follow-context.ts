import type { StartedStep } from '../../../ports/agent.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Connection } from '../client/connection.ts';
import type { Log } from '../log.ts';
import type { KubernetesSettings } from '../settings.ts';
import { openExec, sendStdin } from '../streams/exec.ts';
import type { PodMonitor } from './pod-monitor.ts';
import type { FollowContext } from './step-follow.ts';
import { scratchDirectory } from './step-script.ts';
import type { StepSessions } from './step-sessions.ts';

/** Whose step is followed, and by what. */
export interface FollowParts {
  connection: Connection;
  monitor: PodMonitor;
  settings: KubernetesSettings;
  clock: Clock;
  log: Log;
  /** For those who start steps. */
  sessions?: StepSessions;
}

/**
 * How a step of a pod is followed: the wrapper of its container, run by exec. A step is started by an exec that an
 * earlier one has left, when there is one; a reconnection always opens a new one.
 */
export function followContext(
  { connection, monitor, settings, clock, log, sessions }: FollowParts,
  place: { namespace: string; pod: string },
  step: StartedStep,
): FollowContext {
  const container = { namespace: place.namespace, pod: place.pod, container: step.container };
  const wrapper = ['/bin/sh', `${scratchDirectory}/${step.container}/step`];
  let first = true;
  return {
    open: async (args, signal) => {
      if (args[0] !== 'run') {
        return openExec(connection, container, { command: [...wrapper, ...args], stdin: false, signal });
      }
      const left = first ? await sessions?.take(step.container) : undefined;
      first = false;
      const serve = [...wrapper, 'serve'];
      const socket = left ?? (await openExec(connection, container, { command: serve, stdin: true, signal }));
      void sendStdin(socket, Buffer.from(`${args.join(' ')}\n`));
      return socket;
    },
    ...(sessions === undefined
      ? {}
      : { keep: (socket, state) => sessions.keep(step.container, socket, state) }),
    failure: monitor.failure,
    graceMs: () => monitor.graceMs,
    confirm: (signal) => monitor.confirm(signal),
    clock,
    silenceMs: settings.silenceMs,
    budgetMs: settings.retryBudgetMs,
    onReconnect: (details) => log.info('reconnecting to a step', { step: step.id, ...details }),
  };
}
