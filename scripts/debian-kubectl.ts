import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { runCommand } from './run-command.ts';

/**
 * The kubectl of Debian's package kubernetes-client, unpacked below `cache` and not installed, so that it does not take
 * the place of this machine's own. The package comes from the sources of apt. Returns the path of the program.
 * @throws Error where apt does not have the package
 */
export async function debianKubectl(cache: string): Promise<string> {
  const program = join(cache, 'kubernetes-client', 'kubectl');
  const isThere = await stat(program).then(
    () => true,
    () => false,
  );
  if (isThere) return program;
  const folder = await mkdtemp(join(tmpdir(), 'slipway-kubernetes-client-'));
  try {
    await runCommand(['apt-get', 'download', 'kubernetes-client'], { cwd: folder });
    const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error('apt-get download left no package');
    await runCommand(['dpkg-deb', '--extract', join(folder, archive), join(folder, 'root')]);
    await mkdir(dirname(program), { recursive: true });
    const unfinished = `${program}.${String(process.pid)}`;
    await copyFile(join(folder, 'root', 'usr', 'bin', 'kubectl'), unfinished);
    await rename(unfinished, program);
    return program;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
