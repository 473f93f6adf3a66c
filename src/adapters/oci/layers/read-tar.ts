import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { BuildError } from '../../../ports/builder.ts';

/** An entry of a tar stream; `stream` has its bytes and must be read or resumed before the next. */
export interface TarEntry {
  /** Without `/` or `./` in front; `''` is the root itself. */
  path: string;
  header: Header;
  stream: Readable;
}

/** Reads a tar stream entry by entry. @throws BuildError when a name leads outside */
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
  } finally {
    source.destroy();
  }
}

/** A path in a tar stream as it is used here. */
export function cleanPath(name: string): string {
  const path = posix.normalize(name).replace(/^(?:\.?\/+)+|\/+$/g, '');
  if (path === '..' || path.startsWith('../'))
    throw new BuildError(`a tar stream has an entry outside of itself: "${name}"`);
  return path === '.' ? '' : path;
}
