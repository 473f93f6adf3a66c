import { SlipwayError } from '../base/errors.ts';

/** A record that this version cannot read: written by a newer one, or damaged. */
export class RecordFormatError extends SlipwayError {
  readonly code = 'record-format';
  readonly fault = 'input';
}

/** A record that does not fit where it is kept. */
export class RecordTooLargeError extends SlipwayError {
  readonly code = 'record-too-large';
  readonly fault = 'failure';
}

/** Errors of a record that trying again does not mend: the run has to end. */
export type UnusableRecordError = RecordFormatError | RecordTooLargeError;

/** Whether an error of a store is one that stays. */
export function isUnusableRecord(error: unknown): error is UnusableRecordError {
  return error instanceof RecordFormatError || error instanceof RecordTooLargeError;
}
