import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { InputError } from '../../base/errors.ts';
import type { ArtifactStore, SavedFiles } from '../../ports/artifact-store.ts';

/**
 * Keeps artifacts and reports in folders: `directory/artifacts/STAGE/…`, `directory/reports/STAGE/…`.
 * @param directory absolute
 */
export function createFolderStore(directory: string): ArtifactStore {
  return {
    save: (kind, stage, tar, { signal }) =>
      save(path.join(directory, kind, stage.replaceAll(/[^\w.-]+/g, '_')), tar, signal),
    open: (saved, file) => createReadStream(inside(saved.directory, file)),
  };
}

async function save(folder: string, tar: Readable, signal: AbortSignal): Promise<SavedFiles> {
  await mkdir(folder, { recursive: true });
  const files: { path: string; bytes: number }[] = [];
  const entries = extract();
  const reading = pipeline(tar, entries, { signal });
  const writing = (async () => {
    for await (const entry of entries) {
      const { name, type, size } = entry.header;
      if (type === 'directory') {
        entry.resume();
        continue;
      }
      if (type !== 'file' && type !== 'contiguous-file') {
        throw new InputError(`${name} in the archive is a ${type}: only plain files are collected`);
      }
      const target = inside(folder, name);
      await mkdir(path.dirname(target), { recursive: true });
      await pipeline(entry, createWriteStream(target), { signal });
      files.push({ path: path.relative(folder, target), bytes: size });
    }
  })();
  const [read, written] = await Promise.allSettled([
    reading,
    writing.catch((error: unknown) => {
      entries.destroy();
      throw error;
    }),
  ]);
  if (written.status === 'rejected') throw written.reason;
  if (read.status === 'rejected') throw read.reason;
  return { directory: folder, files, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
}

/** The absolute path of an archive's entry. @throws InputError when it would lie outside the folder */
function inside(folder: string, name: string): string {
  const target = path.resolve(folder, name);
  if (path.isAbsolute(name) || !target.startsWith(`${folder}${path.sep}`)) {
    throw new InputError(`the archive holds the path "${name}", which leaves its folder`);
  }
  return target;
}
