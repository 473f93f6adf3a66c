import type { Clock } from '../ports/clock.ts';
import type { RecordWriter } from './record-writer.ts';

/** Reads the stored record now and then, until the signal is aborted; an error is left to the next time. */
export async function watchForCancel(
  writer: Pick<RecordWriter, 'checkForCancel'>,
  { clock, everyMs, signal }: { clock: Clock; everyMs: number; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(everyMs, { signal });
      await writer.checkForCancel({ signal, freshMs: everyMs });
    } catch {
      // ended, or unreachable just now
    }
  }
}
