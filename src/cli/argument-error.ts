import { InputError } from '../base/errors.ts';

/** The command line itself is wrong. */
export class ArgumentError extends InputError {
  override readonly code = 'arguments';

  constructor(message: string, hint = 'see `pipeline --help` or `pipeline COMMAND --help`') {
    super(message, { hint });
  }
}
