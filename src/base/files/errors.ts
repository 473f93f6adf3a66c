import { InputError, messageOf, SlipwayError, type Fault } from '../errors.ts';

/** A path of this machine that is not read or written: a link that leads elsewhere, a device, a name that leaves its folder. */
export class RefusedPathError extends InputError {
  override readonly code = 'refused-path';
}

/** A file of this machine could not be written: the disk is full, the folder is not ours. */
export class FileError extends SlipwayError {
  readonly code = 'file';
  readonly fault: Fault = 'infrastructure';
}

/** Errors of names that no file can have. */
const badNames = new Set(['ENAMETOOLONG', 'EILSEQ', 'EINVAL', 'ELOOP', 'ERR_INVALID_ARG_VALUE']);

/** What the system said about a path, as an error of ours. */
export function fileError(file: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const options = { cause: error };
  if (badNames.has(code)) {
    const shown = JSON.stringify(file.length > 200 ? `${file.slice(0, 200)}…` : file);
    return new RefusedPathError(`${shown} is not a valid file name on this machine (${code})`, options);
  }
  return new FileError(`${file} cannot be written: ${messageOf(error)}`, options);
}
