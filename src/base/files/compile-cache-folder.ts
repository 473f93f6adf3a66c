import { lstat, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { foreignTree } from './foreign-tree.ts';

/**
 * A folder for Node's cache of compiled code, which is run as it is found: so this user alone may write to it, and no
 * repository. Node's own default, one folder of the temporary one for all users, belongs to the user who made it first.
 * @param temporary the system's folder for temporary files
 * @returns undefined when there is no such folder: then nothing is cached
 */
export async function compileCacheFolder(temporary: string): Promise<string | undefined> {
  const user = process.getuid?.();
  if (user === undefined) return undefined;
  const folder = path.join(path.resolve(temporary), `slipway-compiled-${String(user)}`);
  try {
    if ((await foreignTree(folder)) !== undefined) return undefined;
    await mkdir(folder, { mode: 0o700 }).catch(() => undefined); // It is there already, or lstat says why not.
    const found = await lstat(folder);
    return found.isDirectory() && found.uid === user && (found.mode & 0o022) === 0 ? folder : undefined;
  } catch {
    return undefined; // It saves time and nothing else.
  }
}
