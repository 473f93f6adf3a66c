import type { Clock } from '../ports/clock.ts';
import type { Reporter, RunEvent } from '../ports/events.ts';

/** Numbers and times the events of a run and hands them to the reporter one at a time, in order. */
export interface EventStream {
  /** Resolves when the reporter has taken the event. */
  emit(event: RunEvent): Promise<void>;
}

/** Makes the stream of one run. */
export function createEventStream(runId: string, reporter: Reporter, clock: Clock): EventStream {
  let sequence = 0;
  let last: Promise<void> = Promise.resolve();
  return {
    emit(event) {
      sequence += 1;
      const timed = { ...event, runId, at: clock.now(), sequence };
      const delivery = last.then(() => reporter.handle(timed));
      last = delivery.catch(() => undefined); // The emitter gets the error; the next event is delivered all the same.
      return delivery;
    },
  };
}
