import type { Reporter, TimedEvent } from '../../ports/events.ts';
import { eventText, stageOf } from './event-text.ts';
import { HeldNotices } from './held-notices.ts';
import type { Output } from './output.ts';
import { isShownBefore, StepLines } from './step-lines.ts';
import { ToldReasons } from './told-reasons.ts';
import { terminalText } from '../../base/terminal-text.ts';

/** Options of {@link createPlainReporter}. */
export interface PlainOptions {
  output: Output;
  /** Begin each line with the runner's time. */
  timestamps: boolean;
  /** Leave the output of steps and image builds out, but for the last lines of what fails. */
  quiet: boolean;
}

/**
 * Lines for a log that people read and search: `[stage] text`. For CI servers and pipes. Steps' output is kept as it
 * is, with its colours, but without other control sequences.
 */
export function createPlainReporter(options: PlainOptions): Reporter {
  const lines = new StepLines();
  const held = options.quiet ? new HeldLines() : undefined;
  const { output } = options;
  const notices = new HeldNotices();
  const reasons = new ToldReasons();
  const progress = new Map<string, string>();
  /** Of a release's progress only the phase or the pods have changed, which a line does not show. */
  const isRepeated = (event: TimedEvent): boolean => {
    if (event.type !== 'release.progress') return false;
    const text = `${event.application}: ${event.message}`;
    const before = progress.get(event.stage);
    progress.set(event.stage, text);
    return text === before;
  };
  const textOf = (event: TimedEvent): string => {
    const isOutput = event.type === 'step.output' || event.type === 'step.end';
    const written = isOutput ? lines.take(event) : [];
    const stage = stageOf(event);
    if (held !== undefined && event.type === 'image.progress') {
      held.take(event.stage, [event.message]);
      return '';
    }
    if (held !== undefined && stage !== undefined) held.take(stage, written);
    const shown = held?.release(event) ?? written;
    const prefix = stage === undefined ? 'slipway:' : `[${stage}]`;
    const time = options.timestamps ? `${new Date(event.at).toISOString()} ` : '';
    const mark = event.type === 'stage.started' || event.type === 'stage.finished' ? '== ' : '';
    return [
      ...shown.map((line) => `${time}${prefix} ${terminalText(line)}\n`),
      ...(isShownBefore(event) || isRepeated(event) ? [] : eventText(event)).map(
        (line) => `${time}${prefix} ${mark}${terminalText(line)}\n`,
      ),
    ].join('');
  };
  return {
    async handle(event: TimedEvent): Promise<void> {
      const text = notices
        .take(event)
        .map((each) => textOf(reasons.take(each)))
        .join('');
      if (text !== '') await output.write(text);
    },
    async close(): Promise<void> {
      const text = notices.rest().map(textOf).join('');
      if (text !== '') await output.write(text);
    },
  };
}

/** How many of the last lines of a stage that fails are shown where its output is hidden. */
const mostHeld = 20;

/** The last lines of each stage, until it is known whether they are needed. */
class HeldLines {
  readonly #lines = new Map<string, string[]>();

  take(stage: string, lines: readonly string[]): void {
    if (lines.length > 0)
      this.#lines.set(stage, [...(this.#lines.get(stage) ?? []), ...lines].slice(-mostHeld));
  }

  /** What is to be shown before an event: the lines of an attempt that failed, none else. */
  release(event: TimedEvent): string[] {
    if (event.type !== 'stage.finished' && event.type !== 'stage.retrying') return [];
    const lines = this.#lines.get(event.stage) ?? [];
    this.#lines.delete(event.stage);
    const isGood =
      event.type === 'stage.finished' && ['succeeded', 'skipped', 'cancelled'].includes(event.outcome);
    return isGood ? [] : lines;
  }
}
