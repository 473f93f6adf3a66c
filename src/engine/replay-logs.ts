import { DeadlineError, messageOf } from '../base/errors.ts';
import type { AgentView, StartedStep } from '../ports/agent.ts';
import { UnreachableError } from '../ports/cluster-errors.ts';
import type { RunRecord } from '../ports/run-record.ts';
import type { EngineDependencies } from './dependencies.ts';
import type { EventStream } from './event-stream.ts';
import { startDeadline } from './signals.ts';
import { parseStepId, type StepName } from './step-id.ts';

/** How often the reading of one log is begun. */
const attempts = 3;
/** Milliseconds for all of them. */
const replayMs = 300_000;

/** What replaying needs. */
export interface ReplayParts {
  dependencies: Pick<EngineDependencies, 'agents' | 'lacksLog' | 'clock'>;
  events: EventStream;
  record: RunRecord;
  /** Any of them ends it. */
  parents: AbortSignal[];
}

/**
 * Hands the logs of steps that no stage follows again (of stages that are done, and of earlier attempts) to those who
 * keep whole logs and lack them, as output that was shown before. The logs of a pod that has gone are lost.
 * @throws whatever the agents throw; DeadlineError after five minutes
 */
export async function replayLogs({ dependencies, events, record, parents }: ReplayParts): Promise<void> {
  const { agents, lacksLog, clock } = dependencies;
  const begun = Object.values(record.stages).some(({ state, attempt }) => state === 'done' || attempt > 1);
  if (lacksLog === undefined || !begun) return;
  const reason = () => new DeadlineError('reading the logs of stages that are done', replayMs);
  const deadline = startDeadline(clock, { ms: replayMs, reason, parents });
  const { signal } = deadline;
  try {
    for (const view of await agents.view(record, { signal })) {
      const wanted = (step: StartedStep) => isOver(step, record) && lacksLog(step.id);
      await replayPod(view, { wanted, events, signal }).finally(() => view.close());
    }
  } finally {
    deadline.clear();
  }
}

interface Replay {
  /** Asked just before: what was written may have changed the answer. */
  wanted: (step: StartedStep) => boolean;
  events: EventStream;
  signal: AbortSignal;
}

async function replayPod(view: AgentView, { wanted, events, signal }: Replay): Promise<void> {
  for (const step of await view.steps({ signal })) {
    const name = parseStepId(step.id);
    if (name !== undefined && wanted(step)) await replayStep({ view, step, name }, events, signal);
  }
}

/** No stage follows the step again. */
function isOver(step: StartedStep, { stages }: RunRecord): boolean {
  const name = parseStepId(step.id);
  const record = name === undefined ? undefined : stages[name.stage];
  if (record === undefined || name === undefined) return false;
  return name.attempt < record.attempt || (record.state === 'done' && record.restoring !== true);
}

async function replayStep(
  { view, step, name: { stage, step: name } }: { view: AgentView; step: StartedStep; name: StepName },
  events: EventStream,
  signal: AbortSignal,
): Promise<void> {
  const about = { stage, step: name, id: step.id, shownBefore: true } as const;
  let next = 0;
  const onOutput = async (chunk: Buffer, offset: number) => {
    const fresh = chunk.subarray(Math.max(0, next - offset));
    if (fresh.length === 0) return;
    const at = offset + chunk.length - fresh.length;
    next = offset + chunk.length;
    await events.emit({ type: 'step.output', ...about, chunk: fresh, offset: at });
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      await view.readLog(step, { signal, onOutput });
      break;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UnreachableError) || attempt >= attempts) throw error;
    }
  }
  await events.emit({ type: 'step.end', ...about });
}

/** The notice of logs that could not be replayed. */
export function replayTrouble(error: unknown): string {
  return `the logs of stages that were done could not be brought to the log folder: ${messageOf(error)}`;
}
