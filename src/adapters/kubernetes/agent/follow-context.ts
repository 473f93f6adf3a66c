import type { StartedStep } from '../../../ports/agent.ts';
import type { Connection } from '../client/connection.ts';
import type { Log } from '../log.ts';
import type { KubernetesSettings } from '../settings.ts';
import { openExec } from '../streams/exec.ts';
import type { PodMonitor } from './pod-monitor.ts';
import type { FollowContext } from './step-follow.ts';
import { scratchDirectory } from './step-script.ts';

/** Whose step is followed, and by what. */
export interface FollowParts {
  connection: Connection;
  monitor: PodMonitor;
  settings: KubernetesSettings;
  log: Log;
}

/** How a step of a pod is followed: the wrapper of its container, run by exec. */
export function followContext(
  { connection, monitor, settings, log }: FollowParts,
  place: { namespace: string; pod: string },
  step: StartedStep,
): FollowContext {
  const container = { namespace: place.namespace, pod: place.pod, container: step.container };
  const wrapper = ['/bin/sh', `${scratchDirectory}/${step.container}/step`];
  return {
    open: (args, stdin, signal) =>
      openExec(connection, container, { command: [...wrapper, ...args], stdin, signal }),
    failure: monitor.failure,
    confirm: (signal) => monitor.confirm(signal),
    silenceMs: settings.silenceMs,
    budgetMs: settings.retryBudgetMs,
    onReconnect: (details) =>
      log.info('the connection to a step is taken up again', { step: step.id, ...details }),
  };
}
