import type { ExecuteRequest } from './dependencies.ts';
import type { EventStream } from './event-stream.ts';
import { resumeNotices } from './resume-notices.ts';
import type { RunState } from './run-state.ts';

/** Reports what the run is about to do, and what is done already in a resumed one. */
export async function announceRun(
  { cluster, resumed }: Pick<ExecuteRequest, 'cluster' | 'resumed'>,
  state: RunState,
  events: EventStream,
): Promise<void> {
  const { pipeline, namespace } = state.record;
  const stages = state.plan.nodes.map(({ name, kind, needs, phase }) => ({ name, kind, needs, phase }));
  const started = events.emit({ type: 'run.started', pipeline, cluster, namespace, stages, resumed });
  if (resumed) {
    for (const message of resumeNotices(state.plan, state.record))
      events.emit({ type: 'notice', level: 'info', message }).catch(() => undefined); // a notice ends no run
    for (const { attempts: _attempts, name, phase: _phase, ...finished } of state.finished()) {
      await events.emit({ type: 'stage.finished', stage: name, ...finished });
    }
  }
  await started;
}
