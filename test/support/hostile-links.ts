import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What no command may show: it stands in every file outside of the checkout. */
export const privateText = 'Private-9c1f';

/** A checkout whose author means harm, and what lies beside it on the machine that runs it. */
export interface HostileCheckout {
  /** The checkout: the current folder of the commands. */
  tree: string;
  /** Files of the machine, which the checkout's author would like to read and write. */
  outside: string;
  /** Commits a symbolic link in the checkout. */
  link(name: string, target: string): void;
  /** Writes and commits a file in the checkout. */
  file(name: string, text: string): void;
  /** Makes a pipe, which Git does not keep, but a tar file or an earlier step does. */
  pipe(name: string): void;
  remove(): void;
}

/** Makes the checkout as `git clone` leaves it, links and all. */
export function makeHostileCheckout(): HostileCheckout {
  const base = mkdtempSync(join(tmpdir(), 'slipway-hostile-'));
  const tree = join(base, 'checkout');
  const outside = join(base, 'outside');
  mkdirSync(tree);
  mkdirSync(join(outside, 'folder'), { recursive: true });
  // A key, a file of a tool that is YAML, one that YAML stumbles over, and one that the parser would quote.
  writeFileSync(join(outside, 'key'), `${privateText} is a line of a private key\n`);
  writeFileSync(join(outside, 'settings.yaml'), `users: [{ name: x, user: { token: ${privateText} } }]\n`);
  writeFileSync(join(outside, 'broken'), `"a" ${privateText}\n`);
  writeFileSync(join(outside, 'alias'), `*${privateText}\n`);
  writeFileSync(join(outside, 'folder/app.yaml'), `${privateText}\n`);
  const git = (...args: string[]): void => {
    const author = ['-c', 'user.name=Mallory', '-c', 'user.email=mallory@example.com'];
    execFileSync('git', [...author, ...args], { cwd: tree, stdio: 'pipe' });
  };
  const place = (name: string): string => {
    const path = join(tree, name);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };
  const commit = (name: string): void => {
    git('add', '--force', '--', name);
    git('commit', '--quiet', '--message', name);
  };
  git('init', '--quiet');
  return {
    tree,
    outside,
    link: (name, target) => {
      symlinkSync(target, place(name));
      commit(name);
    },
    file: (name, text) => {
      writeFileSync(place(name), text);
      commit(name);
    },
    pipe: (name) => execFileSync('mkfifo', [place(name)]),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}
