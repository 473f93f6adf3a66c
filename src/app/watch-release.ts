import { systemClock } from '../adapters/system/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { UnreachableError } from '../ports/cluster-errors.ts';
import { statusOfRelease, type ReleaseStatus, type ReleaseTarget } from './release-commands.ts';

/** Milliseconds between the end of a look and the next one. */
const lookEveryMs = 2000;

/** What one look at a release gave. */
export type Look =
  | { type: 'seen'; status: ReleaseStatus }
  /** The API does not answer for the moment; it is asked again. */
  | { type: 'unanswered'; message: string };

/** What is needed to look at a release again and again. */
export interface Looking {
  look: () => Promise<ReleaseStatus>;
  clock: Clock;
  signal: AbortSignal;
}

/** Looks at a release every two seconds until none is in progress. @throws as {@link lookUntilOver} */
export function watchRelease(target: ReleaseTarget): AsyncGenerator<Look, void> {
  return lookUntilOver({
    look: () => statusOfRelease(target),
    clock: systemClock,
    signal: target.signal,
  });
}

/**
 * Looks until no release is in progress; keeps nothing of what was seen before.
 * @throws what the first look throws; of later ones all but an UnreachableError; the reason of the signal
 */
export async function* lookUntilOver({ look, clock, signal }: Looking): AsyncGenerator<Look, void> {
  let status: ReleaseStatus | undefined = await look();
  for (;;) {
    if (status !== undefined) {
      yield { type: 'seen', status };
      if (status.current === undefined) return;
    }
    await clock.sleep(lookEveryMs, { signal });
    try {
      status = await look();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UnreachableError)) throw error;
      status = undefined;
      yield { type: 'unanswered', message: messageOf(error) };
    }
  }
}
