import { SlipwayError } from '../../../base/errors.ts';

/** Files could not be read from, or written to, the workspace: a path that is not there, a full disk, no tar in the image. */
export class TransferError extends SlipwayError {
  readonly code = 'transfer';
  readonly fault = 'failure';
}
