import type { Plan, PlanNode } from '../plan/plan.ts';
import type { RunRecord } from '../ports/run-record.ts';
import { stageOf } from './record-writer.ts';

/** The first notices of a resumed run: what is done, what it resumes, what is pending. Pure. */
export function resumeNotices(plan: Plan, record: RunRecord): string[] {
  const inState = (wanted: string) => plan.nodes.filter(({ name }) => stageOf(record, name).state === wanted);
  const [done, running, pending] = [inState('done'), inState('running'), inState('pending')];
  const parts = [
    done.length === 0 ? 'no stage is done' : `done: ${names(done)}`,
    running.length === 0 ? 'no stage was running' : `resumed at: ${names(running)}`,
    ...(pending.length === 0 ? [] : [`pending: ${names(pending)}`]),
  ];
  const asked = record.state === 'cancelling' ? ['the run was being cancelled and still is'] : [];
  const lines = [`run resumed; ${[...parts, ...asked].join('; ')}`];
  const wasShown = running.some(({ name }) => Object.keys(stageOf(record, name).offsets).length > 0);
  if (record.writtenAt !== undefined && wasShown) {
    const time = new Date(record.writtenAt).toISOString().slice(11, 19);
    lines.push(`output that the previous runner showed after ${time} UTC (by its clock) is shown again`);
  }
  return lines;
}

/** The first few by name. */
function names(nodes: readonly PlanNode[]): string {
  const shown = nodes.slice(0, 8).map(({ name }) => name);
  const rest = nodes.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${String(rest)} more` : shown.join(', ');
}
