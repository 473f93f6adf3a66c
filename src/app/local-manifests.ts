import { opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import { InputError, messageOf } from '../base/errors.ts';
import { readRegularFile } from '../base/files/read-file.ts';
import type { ManifestFile } from '../stages/deploy/parse-manifests.ts';
import type { DeploySettings } from '../stages/deploy/settings.ts';
import {
  checkPatterns,
  largestManifests,
  manifestBases,
  selectFiles,
  tooManyBytes,
  type ManifestField,
} from '../stages/deploy/read-manifest-files.ts';

/** More files than this are not looked through for manifests. */
const mostFiles = 100_000;

const passedOver = new Set(['.git', 'node_modules']);

/**
 * Reads the manifests that the patterns name from a folder of this machine, by the rules of a run: sorted by path, a
 * folder stands for the .yaml, .yml and .json files in it, and links to folders are not followed. Regular files of the
 * tree alone are read.
 * @throws InputError when a pattern matches nothing or leaves the folder, or the files are more than 10 MiB;
 *   RefusedPathError
 */
export async function readLocalManifests(
  directory: string,
  patterns: readonly string[],
  { signal, field }: { signal: AbortSignal; field?: ManifestField },
): Promise<ManifestFile[]> {
  checkPatterns(patterns, field);
  const paths: string[] = [];
  for (const base of manifestBases(patterns)) {
    for await (const file of filesAt(directory, path.normalize(base))) {
      signal.throwIfAborted();
      paths.push(file);
      if (paths.length > mostFiles) {
        throw new InputError(
          `deploy.manifests: there are more than ${String(mostFiles)} files in ${directory}`,
          {
            hint: 'let the patterns begin with the folder of the manifests',
          },
        );
      }
    }
  }
  const files: ManifestFile[] = [];
  let left = largestManifests;
  const selected = selectFiles(paths, patterns, field);
  for (const name of selected) {
    const bytes = await read(path.join(directory, name), signal);
    left -= bytes.length;
    if (left < 0) throw tooManyBytes(selected.length);
    files.push({ path: name, text: bytes.toString('utf8') });
  }
  return files;
}

/** The files of a deploy stage's migration, by the same rules; undefined where it has none. @throws InputError */
export async function readLocalMigration(
  directory: string,
  { migrate }: Pick<DeploySettings, 'migrate'>,
  { signal }: { signal: AbortSignal },
): Promise<ManifestFile[] | undefined> {
  if (migrate === undefined) return undefined;
  return readLocalManifests(directory, [migrate.job], { signal, field: 'deploy.migrate.job' });
}

async function read(file: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readRegularFile(file, { largest: largestManifests, signal });
  } catch (error) {
    if (error instanceof InputError) throw error;
    signal.throwIfAborted();
    throw new InputError(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** What lies at a path, folders without their links to folders; whatever is no folder may be a manifest. */
async function* filesAt(directory: string, name: string): AsyncGenerator<string> {
  const found = await stat(path.join(directory, name)).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isDirectory()) yield name;
  else yield* filesBelow(directory, name);
}

async function* filesBelow(directory: string, folder: string): AsyncGenerator<string> {
  const at = path.join(directory, folder);
  const opened = await opendir(at).catch((error: unknown) => {
    throw new InputError(`${at} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  for await (const entry of opened) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!passedOver.has(entry.name)) yield* filesBelow(directory, name);
    } else if (!entry.isSymbolicLink() || (await isNoFolder(path.join(directory, name)))) yield name;
  }
}

async function isNoFolder(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => !found.isDirectory(),
    () => false,
  );
}
