import type { Clock } from '../ports/clock.ts';

/** A signal that is aborted after a while, or as soon as one of its parents is. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Ends the timer; call it when the work is over. */
  clear(): void;
}

/** Makes a deadline on the given clock; without `ms` it only follows its parents. */
export function startDeadline(
  clock: Clock,
  options: { ms?: number | undefined; reason: () => Error; parents?: readonly AbortSignal[] },
): Deadline {
  const expired = new AbortController();
  const timer = new AbortController();
  if (options.ms !== undefined) {
    clock.sleep(options.ms, { signal: timer.signal }).then(
      () => expired.abort(options.reason()),
      () => undefined, // cleared
    );
  }
  return {
    signal: AbortSignal.any([expired.signal, ...(options.parents ?? [])]),
    clear: () => timer.abort(),
  };
}

/** The promise's result, or the signal's reason as soon as it is aborted. What the promise does after that is dropped. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => undefined); // when the signal comes first it has no other handler
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(reasonOf(signal));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

/** Why a signal was aborted, as an error. */
export function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}
