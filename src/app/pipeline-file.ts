import path from 'node:path';
import { InputError, messageOf } from '../base/errors.ts';
import { readRegularFile } from '../base/files/read-file.ts';

/** Bytes of the largest pipeline file that is read. */
const largestFile = 1024 * 1024;

/** A pipeline file as it lies on this machine. */
export interface PipelineFile {
  /** As the user named it, for messages. */
  file: string;
  text: string;
  /** Absolute folder that it lies in. */
  directory: string;
}

/**
 * Reads a pipeline file. It lies in a checkout: a link out of it, a pipe and a device are refused.
 * @throws InputError when it is not there or too large; RefusedPathError
 */
export async function readPipelineFile(file: string): Promise<PipelineFile> {
  let bytes: Buffer;
  try {
    bytes = await readRegularFile(file, { largest: largestFile });
  } catch (error) {
    if (error instanceof InputError) throw error;
    const hint = 'name the pipeline file, e.g. `pipeline validate app.yaml`';
    throw new InputError(`${file} cannot be read: ${messageOf(error)}`, { hint, cause: error });
  }
  return { file, text: bytes.toString('utf8'), directory: path.dirname(path.resolve(file)) };
}
