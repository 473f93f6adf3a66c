import { timestamp } from '../store/timestamp.ts';
import type { Container, ContainerStatus } from './pod-types.ts';

/** The status of a container that has never run. */
export function newStatus({ name, image }: Container): ContainerStatus {
  return {
    name,
    image,
    imageID: '',
    state: { waiting: { reason: 'ContainerCreating' } },
    lastState: {},
    ready: false,
    started: false,
    restartCount: 0,
  };
}

/** What an earlier sandbox wrote: a container that ran then has ended with it. */
export function afterSandboxRestart(before: ContainerStatus): ContainerStatus {
  const { running } = before.state;
  if (running === undefined) return before;
  const terminated = {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container ended when the sandbox was stopped',
    startedAt: running.startedAt,
    finishedAt: timestamp(Date.now()),
  };
  return { ...before, state: { terminated }, ready: false, started: false };
}
