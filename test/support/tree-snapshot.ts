import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** All that lies below a folder, with kinds, modes and contents, a line each: equal when nothing was touched. */
export function treeSnapshot(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const found = lstatSync(path);
      const mode = (found.mode & 0o7777).toString(8);
      if (found.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
      if (found.isFile()) return `${name} ${mode} ${readFileSync(path, 'latin1')}`;
      return `${name} ${mode} ${found.isDirectory() ? 'folder' : 'other'}`;
    });
}
