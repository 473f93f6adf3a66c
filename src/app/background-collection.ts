import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Clock } from '../ports/clock.ts';
import { collectGarbage, type CollectionPlace, type GarbageOptions } from './runs.ts';

/** A run that is over sooner needs all requests for itself. Milliseconds. */
const beginAfterMs = 5000;
/** Keeps a run under one API request a second. Milliseconds. */
const betweenRemovalsMs = 2000;
const dayMs = 86_400_000;

/** What {@link collectInBackground} needs. */
export interface BackgroundCollection {
  place: CollectionPlace;
  logger: Logger;
  clock: Clock;
  /** {@link collectGarbage}, or a test's own. */
  collect?: (place: CollectionPlace, options: GarbageOptions) => Promise<unknown>;
}

/**
 * Removes what dead runs left during another run, a little at a time: records older than a week, agents kept for
 * more than a day, unfinished runs without an owner of which nothing was written for a week, and what has no run. What
 * may still be resumed stays. A failure is only logged (debug): the next run tries again.
 * @returns a function that stops it and resolves when it has stopped
 */
export function collectInBackground(parts: BackgroundCollection): () => Promise<void> {
  const { place, logger, clock, collect = collectGarbage } = parts;
  const stop = new AbortController();
  const { signal } = stop;
  const work = async (): Promise<void> => {
    await clock.sleep(beginAfterMs, { signal });
    await collect(place, {
      olderThanMs: 7 * dayMs,
      keepRuns: true,
      abandonedAfterMs: 7 * dayMs,
      keepAgentsMs: dayMs,
      pause: () => clock.sleep(betweenRemovalsMs, { signal }),
      signal,
    });
  };
  const done = work().catch((error: unknown) => {
    if (!signal.aborted) logger.debug('old runs were not collected', { error: messageOf(error) });
  });
  return async () => {
    stop.abort();
    await done;
  };
}
