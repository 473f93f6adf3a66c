import { LineSplitter } from '../../base/lines.ts';
import type { RunEvent } from '../../ports/events.ts';

/** Turns the output events of all steps into whole lines. */
export class StepLines {
  readonly #open = new Map<string, LineSplitter>();

  /** The lines that this event completes; none where an earlier runner has shown them. */
  take(event: Extract<RunEvent, { type: 'step.output' | 'step.end' }>): string[] {
    const key = `${event.stage}\n${event.step}`;
    const splitter = this.#open.get(key) ?? new LineSplitter();
    if (event.type === 'step.output') {
      this.#open.set(key, splitter);
      const lines = [...splitter.push(event.chunk)];
      return event.shownBefore === true ? [] : lines;
    }
    this.#open.delete(key);
    return event.shownBefore === true ? [] : [...splitter.end()];
  }
}

/** Whether an earlier runner has shown what the event tells. */
export function isShownBefore(event: RunEvent): boolean {
  return 'shownBefore' in event;
}
