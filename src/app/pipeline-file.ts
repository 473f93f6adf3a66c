import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError, messageOf } from '../base/errors.ts';

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
 * Reads a pipeline file.
 * @throws InputError when it is not there or too large
 */
export async function readPipelineFile(file: string): Promise<PipelineFile> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const hint = 'name the pipeline file, e.g. `pipeline validate app.yaml`';
    throw new InputError(`${file} cannot be read: ${messageOf(error)}`, { hint, cause: error });
  }
  if (bytes.length > largestFile)
    throw new InputError(`${file} is larger than 1 MiB, which no pipeline file is`);
  return { file, text: bytes.toString('utf8'), directory: path.dirname(path.resolve(file)) };
}
