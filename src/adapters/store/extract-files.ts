import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { InputError, messageOf, SlipwayError } from '../../base/errors.ts';
import type { OutputFolder } from '../../base/files/output-folder.ts';

/** More than this are not unpacked: their names are kept in memory, and reported. */
const mostFiles = 100_000;

/** A file that was unpacked; `path` is relative to the folder that was unpacked into. */
export interface ExtractedFile {
  path: string;
  bytes: number;
}

/**
 * Unpacks the plain files of a tar stream into `place` below the folder. Folders are made, with nothing of their modes
 * and owners; a hard link to a file that the archive held before becomes a file with the same bytes; symbolic links,
 * devices and names that leave the place are refused.
 * @throws InputError when the archive is broken or holds something of that kind; what came before it is written
 */
export async function extractFiles(
  tar: Readable,
  to: { folder: OutputFolder; place: string },
  { signal }: { signal: AbortSignal },
): Promise<ExtractedFile[]> {
  const entries = extract();
  const reading = pipeline(tar, entries, { signal });
  const extraction = new Extraction(to.folder, to.place);
  const writing = (async () => {
    try {
      for await (const entry of entries as unknown as AsyncIterable<Entry>) await extraction.add(entry);
    } catch (error) {
      entries.destroy();
      throw error;
    }
  })();
  const [read, written] = await Promise.allSettled([reading, writing]);
  signal.throwIfAborted();
  // What the source said goes first: the rest is its consequence. A source that is closed early says nothing.
  const failures = [read, written].flatMap((result): unknown[] =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  const ours = failures.find((error) => error instanceof SlipwayError);
  if (ours !== undefined) throw ours;
  const [first] = failures;
  if (first === undefined) return extraction.files();
  throw new InputError(`the archive cannot be read: ${messageOf(first)}`, { cause: first });
}

/** An entry; its header as the archive has it, which is less orderly than the library's type says. */
type Entry = Readable & {
  header: Omit<Header, 'type' | 'linkname'> & { type: Header['type'] | null; linkname: string | null };
};

/** Writes one archive's entries. */
class Extraction {
  readonly #folder: OutputFolder;
  readonly #place: string;
  /** Bytes by the path in the place. A name that comes twice is the later file. */
  readonly #sizes = new Map<string, number>();

  constructor(folder: OutputFolder, place: string) {
    this.#folder = folder;
    this.#place = place;
  }

  files(): ExtractedFile[] {
    return [...this.#sizes].map(([file, bytes]) => ({ path: file, bytes }));
  }

  async add(entry: Entry): Promise<void> {
    const { header } = entry;
    const name = this.#nameOf(header.name);
    switch (header.type) {
      case 'directory':
        header.size = 0; // A folder that claims to have bytes: tar-stream would wait for them and bring none.
        entry.resume();
        return;
      case 'file':
      case 'contiguous-file':
        this.#sizes.set(name, await this.#write(name, entry));
        break;
      case 'link':
        await this.#copy(name, header.linkname ?? '');
        entry.resume();
        break;
      default:
        throw new InputError(
          `${shown(header.name)} in the archive is ${header.type === null ? 'of an unknown kind' : `a ${header.type}`}: only plain files are collected`,
        );
    }
    if (this.#sizes.size > mostFiles)
      throw new InputError(`the archive holds more than ${String(mostFiles)} files`);
  }

  async #write(name: string, content: Readable): Promise<number> {
    const file = await this.#folder.createFile(path.join(this.#place, name));
    return writeTo(file, content);
  }

  /** Not linked: a later change of one of the files must not change the other. */
  async #copy(name: string, linkname: string): Promise<void> {
    const target = this.#nameOf(linkname);
    if (!this.#sizes.has(target)) {
      throw new InputError(
        `${shown(name)} in the archive is a hard link to ${shown(linkname)}, which is no file before it in the archive`,
      );
    }
    if (target === name) return;
    const source = await this.#folder.openToRead(path.join(this.#place, target));
    if (source === undefined) throw new InputError(`${shown(target)} was removed while it was unpacked`);
    this.#sizes.set(name, await this.#write(name, source.createReadStream()));
  }

  /** The path in the place. @throws InputError when it leaves it */
  #nameOf(name: string): string {
    const clean = path.normalize(name).replace(/\/+$/, '');
    if (!name.includes('\0') && !path.isAbsolute(name) && clean !== '..' && !clean.startsWith('../')) {
      return clean;
    }
    throw new InputError(`the archive holds the path ${shown(name)}, which leaves its folder`);
  }
}

/** Writes a stream and closes the file, whatever happens. @returns the bytes written */
async function writeTo(file: FileHandle, content: Readable): Promise<number> {
  try {
    await file.writeFile(content);
    return (await file.stat()).size;
  } finally {
    content.destroy();
    await file.close();
  }
}

/** A name from the archive, safe for terminals and of a length for people. */
function shown(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}
