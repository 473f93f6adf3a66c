import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { Readable } from 'node:stream';
import { InputError } from '../../base/errors.ts';
import { fileNameOf } from '../../base/files/file-name.ts';
import { OutputFolder } from '../../base/files/output-folder.ts';
import type { ArtifactStore, SavedFiles } from '../../ports/artifact-store.ts';
import { extractFiles } from './extract-files.ts';

/** A store of this machine. */
export interface FolderStore extends ArtifactStore {
  /**
   * Looks whether the stages' results can be written; makes nothing.
   * @throws RefusedPathError when a link or a file stands where a folder of theirs belongs
   */
  check(stages: readonly string[]): Promise<void>;
}

const kinds = ['artifacts', 'reports'] as const;

/**
 * Keeps artifacts and reports in folders: `directory/artifacts/STAGE/…`, `directory/reports/STAGE/…`. The folder may lie
 * in a checkout, so nothing is written or read through links in it.
 */
export function createFolderStore(directory: string): FolderStore {
  const folder = new OutputFolder(directory);
  const placeOf = (kind: (typeof kinds)[number], stage: string) => path.join(kind, fileNameOf(stage));
  return {
    check: async (stages) => {
      for (const kind of kinds) for (const stage of stages) await folder.check(placeOf(kind, stage));
    },
    save: async (kind, stage, tar, options): Promise<SavedFiles> => {
      const place = placeOf(kind, stage);
      const saved = await folder.makeFolder(place);
      // Beside it until all is there: a transfer that broke, or an archive that is refused, leaves nothing behind.
      const part = path.join(kind, `.${randomUUID()}.part`);
      try {
        const files = await extractFiles(tar, { folder, place: part }, options);
        for (const file of files)
          await folder.moveFile(path.join(part, file.path), path.join(place, file.path));
        return { directory: saved, files, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
      } finally {
        await folder.removeFolder(part);
      }
    },
    open: (saved, file) => {
      const place = path.relative(folder.path, new OutputFolder(saved.directory).inside(file));
      return Readable.from(contentOf(folder, place), { objectMode: false });
    },
  };
}

async function* contentOf(folder: OutputFolder, place: string): AsyncGenerator<Buffer> {
  const file = await folder.openToRead(place);
  if (file === undefined) throw new InputError(`${folder.inside(place)} no longer exists`);
  yield* file.createReadStream();
}
