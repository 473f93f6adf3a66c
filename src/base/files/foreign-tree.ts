import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';

/**
 * The tree of foreign files that a path lies in: the outermost folder above it that has a `.git`, or that is the current
 * folder. Its content was written by those who may push to the repository. (Outermost, so that a `.git` somewhere in the
 * tree makes it no smaller.)
 * @param target absolute; it need not be there
 * @returns undefined when no folder above is one: the path is the user's own
 */
export async function foreignTree(target: string): Promise<string | undefined> {
  const here = process.cwd();
  for (const folder of foldersAbove(target)) {
    const isTop = await lstat(path.join(folder, '.git')).then(
      () => true,
      () => false,
    );
    if (isTop || (await realpath(folder).catch(() => undefined)) === here) return folder;
  }
  return undefined;
}

/** The path itself and the folders above, outermost first; `/` is no tree. */
function foldersAbove(target: string): string[] {
  const { root } = path.parse(target);
  const folders: string[] = [];
  for (let at = target; at !== root; at = path.dirname(at)) folders.unshift(at);
  return folders;
}

/** Whether a path is the folder or lies in it, by the names alone. */
export function isInside(folder: string, target: string): boolean {
  return target === folder || target.startsWith(folder.endsWith(path.sep) ? folder : `${folder}${path.sep}`);
}
