import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { extract, pack, type Header, type Pack } from 'tar-stream';
import { messageOf, SlipwayError } from '../../base/errors.ts';
import { BuildError } from '../../ports/builder.ts';

/** A file that is put into the stream besides what came from the agent. */
export interface ExtraFile {
  name: string;
  content: string;
}

/**
 * Passes on the entries of a tar stream that are kept, entry by entry, with back-pressure. Names become relative to
 * the context, owners become root (as Docker sends a context), devices and sockets are left out.
 * Destroying the result destroys the source; an error of either reaches the other.
 */
export function filterTar(
  source: Readable,
  options: { keep: (name: string) => boolean; extra?: readonly ExtraFile[] },
): Readable {
  const output = pack();
  output.once('close', () => source.destroy());
  copyEntries(source, output, options).then(
    () => output.finalize(),
    (error: unknown) => output.destroy(asBuildError(error)),
  );
  // tar-stream's own streams are not Node's: pumped, for readers that need one.
  return Readable.from(output, { objectMode: false });
}

async function copyEntries(
  source: Readable,
  output: Pack,
  options: { keep: (name: string) => boolean; extra?: readonly ExtraFile[] },
): Promise<void> {
  for (const { name, content } of options.extra ?? []) output.entry({ name, mtime: new Date(0) }, content);
  const entries = extract();
  const reading = pipeline(source, entries);
  // The reason is rethrown below, from the entries or from here: this keeps it from being unhandled meanwhile.
  reading.catch(() => undefined);
  for await (const entry of entries) {
    const header = cleanHeader(entry.header, options.keep);
    if (header === undefined) {
      entry.resume();
      continue;
    }
    // A folder that claims to have bytes: tar-stream would wait for them and bring none.
    if (entry.header.type === 'directory') entry.header.size = 0;
    await pipeline(entry, output.entry(header));
  }
  await reading;
}

/** Errors of the source and of this module stay as they are; others are about the form of the archive. */
function asBuildError(error: unknown): Error {
  if (error instanceof SlipwayError || (error instanceof Error && error.name === 'AbortError')) return error;
  return new BuildError(`the archive of the build context cannot be read: ${messageOf(error)}`, {
    cause: error,
  });
}

type EntryHeader = Partial<Header> & { name: string };

const setgid = 0o2000;
const carried = new Set(['file', 'contiguous-file', 'directory', 'symlink', 'link']);

function cleanHeader(header: Header, keep: (name: string) => boolean): EntryHeader | undefined {
  const name = cleanName(header.name);
  if (name === '' || !carried.has(header.type) || !keep(name)) return undefined;
  const { type, mode, mtime, linkname } = header;
  return {
    name: type === 'directory' ? `${name}/` : name,
    type,
    size: type === 'file' || type === 'contiguous-file' ? header.size : 0,
    // A volume that belongs to a group gives each new folder its setgid bit: none that the files of a build have.
    mode: type === 'directory' ? mode & ~setgid : mode,
    mtime,
    ...(type === 'symlink' ? { linkname } : {}),
    ...(type === 'link' ? { linkname: linkTarget(name, linkname, keep) } : {}),
    uid: 0,
    gid: 0,
  };
}

function cleanName(name: string): string {
  const cleaned = posix.normalize(name).replace(/^\.?\/+|\/+$/g, '');
  if (cleaned === '..' || cleaned.startsWith('../')) {
    throw new BuildError(`the build context has an entry outside of itself: ${JSON.stringify(name)}`);
  }
  return cleaned === '.' ? '' : cleaned;
}

function linkTarget(name: string, target: string, keep: (name: string) => boolean): string {
  const cleaned = cleanName(target);
  if (keep(cleaned)) return cleaned;
  throw new BuildError(`"${name}" is a hard link to "${cleaned}", which .dockerignore excludes`, {
    hint: 'exclude both or none, or copy the file instead of linking it',
  });
}
