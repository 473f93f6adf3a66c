import { LineSplitter } from '../../base/lines.ts';
import type { RunEvent } from '../../ports/events.ts';

/** Turns the output events of all steps into whole lines. */
export class StepLines {
  readonly #open = new Map<string, LineSplitter>();

  /** The lines that this event completes. */
  take(event: Extract<RunEvent, { type: 'step.output' | 'step.end' }>): string[] {
    const key = `${event.stage}\n${event.step}`;
    const splitter = this.#open.get(key) ?? new LineSplitter();
    if (event.type === 'step.output') {
      this.#open.set(key, splitter);
      return [...splitter.push(event.chunk)];
    }
    this.#open.delete(key);
    return [...splitter.end()];
  }
}
