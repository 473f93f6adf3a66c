import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The file to start a further process with: the TypeScript source in a working copy, its bundle in dist/ elsewhere.
 * @param name path below src/, without its ending: `sandbox/start`
 */
export function entryFile(name: string): string {
  const here = fileURLToPath(import.meta.url);
  const root = packageRoot(path.dirname(here));
  return here.endsWith('.ts') ? path.join(root, 'src', `${name}.ts`) : path.join(root, 'dist', `${name}.js`);
}

/** The nearest folder above that holds a package.json; bundling moves code between folders of dist/. */
function packageRoot(folder: string): string {
  const parent = path.dirname(folder);
  return parent === folder || existsSync(path.join(folder, 'package.json')) ? folder : packageRoot(parent);
}
