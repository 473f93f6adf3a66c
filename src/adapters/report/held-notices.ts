import type { TimedEvent } from '../../ports/events.ts';

type Notice = Extract<TimedEvent, { type: 'notice' }>;

/**
 * Keeps the notices back that the end of their stage tells again, so that people read them once; where that end does not
 * have them (the stage was stopped), they come before it.
 */
export class HeldNotices {
  readonly #held = new Map<string, Notice[]>();

  /** What was kept back for stages whose end does not come: the runner lost its run. */
  rest(): Notice[] {
    const left = [...this.#held.values()].flat();
    this.#held.clear();
    return left;
  }

  /** What is to be shown now that an event has come, in order. */
  take(event: TimedEvent): TimedEvent[] {
    if (event.type === 'notice' && event.endTells === true && event.stage !== undefined) {
      this.#held.set(event.stage, [...(this.#held.get(event.stage) ?? []), event]);
      return [];
    }
    if (event.type === 'run.finished') return [...this.rest(), event];
    if (event.type !== 'stage.finished' && event.type !== 'stage.retrying') return [event];
    const held = this.#held.get(event.stage) ?? [];
    this.#held.delete(event.stage);
    return [...held.filter(({ message }) => event.message?.includes(message) !== true), event];
  }
}
