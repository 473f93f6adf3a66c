import { terminalJson } from '../../base/terminal-text.ts';
import type { Reporter, TimedEvent } from '../../ports/events.ts';
import type { Output } from './output.ts';
import { isShownBefore, StepLines } from './step-lines.ts';

/**
 * A JSON object a line (NDJSON), one an event, for machines. A step's output comes as `step.line` events, one a line
 * of output, with the line as text.
 */
export function createJsonReporter(output: Output): Reporter {
  const lines = new StepLines();
  return {
    async handle(event: TimedEvent): Promise<void> {
      const records: object[] = [];
      if (event.type === 'step.output' || event.type === 'step.end') {
        const { runId, at, sequence, stage, step } = event;
        for (const line of lines.take(event))
          records.push({ type: 'step.line', runId, at, sequence, stage, step, line });
      }
      if (event.type !== 'step.output' && !isShownBefore(event)) records.push(event);
      if (records.length > 0)
        await output.write(records.map((record) => `${terminalJson(JSON.stringify(record))}\n`).join(''));
    },
    close: () => Promise.resolve(),
  };
}
