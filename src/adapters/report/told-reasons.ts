import type { TimedEvent } from '../../ports/events.ts';
import { outcomeWords } from './event-text.ts';

type StageFinished = Extract<TimedEvent, { type: 'stage.finished' }>;

/**
 * Why releases did not succeed, which is long: it has the end of a log. The end of the run names the stage that has told
 * it, and how that one ended.
 */
export class ToldReasons {
  readonly #ends: StageFinished[] = [];

  /** The event as it is to be shown after those before it. */
  take(event: TimedEvent): TimedEvent {
    if (event.type === 'stage.finished' && isRelease(event)) this.#ends.push(event);
    if (event.type !== 'run.finished' || event.message === undefined) return event;
    const { message } = event;
    for (const { stage, outcome, message: reason } of this.#ends) {
      const told = `${stage}: ${reason ?? ''}`;
      const rest = message.slice(told.length);
      if (message.startsWith(told) && (rest === '' || rest.startsWith('; also: ')))
        return { ...event, message: `${stage}: ${outcomeWords[outcome]}${rest}` };
    }
    return event;
  }
}

function isRelease({ kind, outcome }: StageFinished): boolean {
  return kind === 'deploy' || outcome === 'rolledBack';
}
