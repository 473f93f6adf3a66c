import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Removes a folder with all that is in it. Where an ordinary user may not, because a container took the right to write
 * from its own folders (overlayfs and some package managers do), the right is given back first.
 */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    openFolder(path);
    rmSync(path, { recursive: true, force: true });
  }
}

function openFolder(path: string): void {
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) openFolder(join(path, entry.name));
}
