import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { messageOf, SlipwayError } from '../../../base/errors.ts';
import { BuildError } from '../../../ports/builder.ts';

/** An entry of a tar stream; `stream` has its bytes and must be read or resumed before the next. */
export interface TarEntry {
  /** Without `/` or `./` in front; `''` is the root itself. */
  path: string;
  header: Header;
  stream: Readable;
}

/** Reads a tar stream entry by entry. @throws BuildError when it is broken, or a name leads outside */
export async function* readTar(source: Readable): AsyncGenerator<TarEntry> {
  const tar = extract();
  const reading = pipeline(source, tar);
  // Its error reaches the loop too; it is waited for below.
  reading.catch(() => undefined);
  try {
    for await (const entry of tar as unknown as AsyncIterable<Readable & { header: Header }>) {
      yield { path: cleanPath(entry.header.name), header: entry.header, stream: entry };
    }
    await reading;
  } catch (error) {
    throw brokenTar(error);
  } finally {
    source.destroy();
  }
}

/** An error of the stream's reader as one of ours; those of the stream's source already are. */
function brokenTar(error: unknown): unknown {
  if (error instanceof SlipwayError || (error instanceof Error && error.name === 'AbortError')) return error;
  return new BuildError(`a tar stream cannot be read: ${messageOf(error)}`, { cause: error });
}

/** As of Linux: no file has a longer name. */
const longestPath = 4096;

/** A path in a tar stream as it is used here. */
export function cleanPath(name: string | null): string {
  if (name === null) throw new BuildError('a tar stream has a link to nothing');
  if (name.length > longestPath)
    throw new BuildError(
      `a tar stream has an entry whose name is longer than ${String(longestPath)} characters`,
    );
  const path = posix.normalize(name).replace(/^(?:\.?\/+)+|\/+$/g, '');
  if (path === '..' || path.startsWith('../'))
    throw new BuildError(`a tar stream has an entry outside of itself: ${JSON.stringify(name)}`);
  return path === '.' ? '' : path;
}
