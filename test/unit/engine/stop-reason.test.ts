import { describe, expect, it } from '@jest/globals';
import { CancelledError, DeadlineError, InternalError } from '../../../src/base/errors.ts';
import { foldOutcome } from '../../../src/engine/outcome.ts';
import { stopOf, stopReasonOf, storedStop } from '../../../src/engine/stop-reason.ts';
import { RecordTooLargeError } from '../../../src/ports/record-errors.ts';

const hint = 'try again';

describe('why a run was stopped', () => {
  it.each<[string, () => Error]>([
    ['its timeout', () => new DeadlineError('the run', 5000, { hint })],
    ['its timeout without a hint', () => new DeadlineError('the run', 5000)],
    ['an interruption', () => new CancelledError('by SIGINT', { fault: 'interrupted', hint })],
    ['a cancellation', () => new CancelledError('by somebody')],
    ['a record that cannot be written', () => new RecordTooLargeError('too large', { hint })],
    ['a fault of our own', () => new InternalError('no way')],
    ['an error that is none of ours', () => new TypeError('x is not a function')],
  ])('is the same for a runner that resumes it: %s', (_case, make) => {
    const error = make();

    const stored = storedStop({ stop: stopReasonOf(error) });

    expect(foldOutcome([], stored)).toStrictEqual(foldOutcome([], error));
    expect(stopReasonOf(stored)).toStrictEqual(stopReasonOf(error));
  });

  it('is a deadline for those who ask whether its time was up', () => {
    expect(storedStop({ stop: stopReasonOf(new DeadlineError('the run', 5000)) })).toBeInstanceOf(
      DeadlineError,
    );
    expect(stopReasonOf(new DeadlineError('the run', 5000))).toStrictEqual({
      message: 'the run took longer than 5 s',
      fault: 'failure',
      afterMs: 5000,
    });
  });

  it('is the signal’s reason, as a cancellation when that is no error of ours', () => {
    const ours = new DeadlineError('the command', 1000);
    const other = new Error('closed');

    expect(stopOf(AbortSignal.abort(ours))).toBe(ours);
    expect(stopOf(AbortSignal.abort(other))).toMatchObject({
      message: 'closed',
      fault: 'aborted',
      cause: other,
    });
    expect(stopOf(AbortSignal.abort('enough'))).toMatchObject({ message: 'enough', fault: 'aborted' });
  });
});
