import { defined } from '../base/defined.ts';
import { CancelledError, DeadlineError, SlipwayError, type Fault } from '../base/errors.ts';
import type { RunRecord, StopReason } from '../ports/run-record.ts';
import { reasonOf } from './signals.ts';

/** A run that an earlier runner has stopped; its error is told by what the record keeps of it. */
class StoppedError extends SlipwayError {
  readonly code = 'run-stopped';
  readonly fault: Fault;

  constructor({ message, hint, fault }: StopReason) {
    super(message, defined({ hint }));
    this.fault = fault;
  }
}

/** Why the runner's signal stops its run. */
export function stopOf(signal: AbortSignal): Error {
  const reason = reasonOf(signal);
  return reason instanceof SlipwayError ? reason : new CancelledError(reason.message, { cause: reason });
}

/** An error as what the record keeps of it. */
export function stopReasonOf(error: Error): StopReason {
  const { message } = error;
  if (!(error instanceof SlipwayError)) return { message, fault: 'internal' };
  const { fault, hint } = error;
  const limit = error instanceof DeadlineError ? { afterMs: error.afterMs } : {};
  return { message, fault, ...limit, ...defined({ hint }) };
}

/** Why a run was stopped that is resumed; versions before did not write it down. */
export function storedStop({ stop }: Pick<RunRecord, 'stop'>): Error {
  if (stop === undefined) return new CancelledError('the run was cancelled before it was resumed');
  const { hint, afterMs } = stop;
  if (afterMs !== undefined) return new DeadlineError('the run', afterMs, defined({ hint }));
  return new StoppedError(stop);
}
