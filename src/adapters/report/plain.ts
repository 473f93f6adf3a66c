import type { Reporter, TimedEvent } from '../../ports/events.ts';
import { eventText, stageOf } from './event-text.ts';
import type { Output } from './output.ts';
import { isShownBefore, StepLines } from './step-lines.ts';

/** Options of {@link createPlainReporter}. */
export interface PlainOptions {
  output: Output;
  /** Begin each line with the runner's time. */
  timestamps: boolean;
  /** Leave the steps' output out. */
  quiet: boolean;
}

/**
 * Lines for a log that people read and search: `[stage] text`. For CI servers and pipes. Steps' output is kept as it
 * is, ANSI colours too.
 */
export function createPlainReporter(options: PlainOptions): Reporter {
  const lines = new StepLines();
  const { output } = options;
  return {
    async handle(event: TimedEvent): Promise<void> {
      const isOutput = event.type === 'step.output' || event.type === 'step.end';
      const shown = isOutput && !options.quiet ? lines.take(event) : [];
      const stage = stageOf(event);
      const prefix = stage === undefined ? 'slipway:' : `[${stage}]`;
      const time = options.timestamps ? `${new Date(event.at).toISOString()} ` : '';
      const mark = event.type === 'stage.started' || event.type === 'stage.finished' ? '== ' : '';
      const text = [
        ...shown.map((line) => `${time}${prefix} ${line}\n`),
        ...(isShownBefore(event) ? [] : eventText(event)).map((line) => `${time}${prefix} ${mark}${line}\n`),
      ].join('');
      if (text !== '') await output.write(text);
    },
    close: () => Promise.resolve(),
  };
}
