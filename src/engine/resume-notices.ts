import type { Plan, PlanNode } from '../plan/plan.ts';
import type { RunRecord } from '../ports/run-record.ts';
import { stageOf } from './record-keeper.ts';

/** What a resumed run says that it found, and what it does. Pure. */
export function resumeNotices(plan: Plan, record: RunRecord): string[] {
  const inState = (wanted: string) => plan.nodes.filter(({ name }) => stageOf(record, name).state === wanted);
  const [done, running, pending] = [inState('done'), inState('running'), inState('pending')];
  const parts = [
    done.length === 0 ? 'found no stage done' : `found done: ${names(done)}`,
    running.length === 0 ? 'nothing was under way' : `taken up where it stands: ${names(running)}`,
    ...(pending.length === 0 ? [] : [`still to do: ${names(pending)}`]),
  ];
  const asked = record.state === 'cancelling' ? ['it was being cancelled: that goes on'] : [];
  const lines = [`resumed; ${[...parts, ...asked].join('; ')}`];
  const wasShown = running.some(({ name }) => Object.keys(stageOf(record, name).offsets).length > 0);
  if (record.writtenAt !== undefined && wasShown) {
    const time = new Date(record.writtenAt).toISOString().slice(11, 19);
    lines.push(`output that the runner before showed after ${time} UTC (by its clock) is shown again`);
  }
  return lines;
}

/** The first few by name. */
function names(nodes: readonly PlanNode[]): string {
  const shown = nodes.slice(0, 8).map(({ name }) => name);
  const rest = nodes.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${String(rest)} more` : shown.join(', ');
}
