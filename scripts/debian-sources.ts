import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The package sources of this machine that serve one Debian release, as the text of a deb822 or one-line file:
 * the mirror that the machine was set up with, and nothing of other vendors.
 * @throws Error when the machine has no source for that release.
 */
export async function debianSources(codename: string): Promise<string> {
  const folder = '/etc/apt/sources.list.d';
  const listed = (await readdir(folder).catch(() => [])).sort().map((name) => join(folder, name));
  const files = await Promise.all(['/etc/apt/sources.list', ...listed].map((path) => sourceFile(path)));
  const ofRelease = (suite: string): boolean => suite === codename || suite.startsWith(`${codename}-`);
  const stanzas = files
    .filter((file) => file.path.endsWith('.sources'))
    .flatMap((file) => file.text.split(/\n\s*\n/))
    .filter((stanza) => (/^Suites:\s*(.*)$/m.exec(stanza)?.[1] ?? '').split(/\s+/).some(ofRelease));
  if (stanzas.length > 0) return `${stanzas.join('\n\n')}\n`;
  const lines = files
    .filter((file) => file.path.endsWith('.list'))
    .flatMap((file) => file.text.split('\n'))
    .filter((line) => {
      const suite = /^deb\s+(?:\[[^\]]*\]\s+)?\S+\s+(\S+)/.exec(line)?.[1];
      return suite !== undefined && ofRelease(suite);
    });
  if (lines.length > 0) return `${lines.join('\n')}\n`;
  throw new Error(`apt on this machine has no source for Debian ${codename}`);
}

async function sourceFile(path: string): Promise<{ path: string; text: string }> {
  // A file that is not there or may not be read is no source for us.
  return { path, text: await readFile(path, 'utf8').catch(() => '') };
}
