import { defined } from '../../src/base/defined.ts';
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runCommand, type CommandResult } from '../../scripts/run-command.ts';

/** Programs that leave a mark when they run, and a repository that tries to have them run. */
export interface HostileRepository {
  /** The working copy. */
  directory: string;
  /** Makes a program that leaves the mark `name`, with hook and template folders that hold it beside it; gives its path. */
  trap(name: string): Promise<string>;
  /** Names of the programs that ran since the last call. */
  sprung(): Promise<string[]>;
  /** Plain Git in the repository, as a careless tool calls it; never throws for its exit code. */
  git(...args: string[]): Promise<CommandResult>;
  /** Gives a file the size that the index has at another time: its state is told only by reading it, through its filter. */
  change(): Promise<void>;
  /** The text of the repository's own configuration. */
  configuration(): Promise<string>;
  /** Adds `key=value` to it. */
  configure(settings: readonly string[]): Promise<void>;
  /** Writes a user's configuration and gives its path. */
  userConfiguration(settings: readonly string[]): Promise<string>;
  /** Puts the hooks of a folder into the repository; the result removes them. */
  takeHooks(folder: string): Promise<() => Promise<void>>;
  /** Takes an object out of the repository; the result puts it back. */
  loseObject(name: string): Promise<() => Promise<void>>;
  remove(): Promise<void>;
}

/** Everything that the repository's attributes hand to a driver is handed to the one named `trap`. */
const attributes = '*.txt filter=trap diff=trap merge=trap\n';

/** A commit that says that it is signed: whoever shows signatures asks the gpg program. */
const signature = [
  'gpgsig -----BEGIN PGP SIGNATURE-----',
  ' ',
  ' iHUEABYKAB0WIQ==',
  ' -----END PGP SIGNATURE-----',
];

/** Makes the repository in a temporary folder: commits, a changed file, a branch to merge, a signed commit, a remote. */
export async function makeHostileRepository(): Promise<HostileRepository> {
  const root = await mkdtemp(join(tmpdir(), 'slipway-hostile-git-'));
  const directory = join(root, 'repository');
  const marks = join(root, 'marks');
  await Promise.all([directory, marks, join(root, 'traps'), join(root, 'home')].map((path) => mkdir(path)));
  const identity = { GIT_AUTHOR_NAME: 'Eve', GIT_AUTHOR_EMAIL: 'eve@example.com' };
  const committer = { GIT_COMMITTER_NAME: 'Eve', GIT_COMMITTER_EMAIL: 'eve@example.com' };
  const env = { PATH: process.env['PATH'], HOME: join(root, 'home'), ...identity, ...committer };
  const call = (input: string | undefined, args: readonly string[]): Promise<CommandResult> =>
    runCommand(['git', ...args], {
      ...{ cwd: directory, env, allowFailure: true },
      ...defined({ input }),
    });
  const git = async (...args: string[]): Promise<CommandResult> => {
    await call(undefined, ['reset', '--quiet', '--hard', 'main']);
    await change();
    return call('protocol=https\nhost=example.invalid\n\n', args);
  };
  let changes = 0;
  const change = (): Promise<void> =>
    writeFile(join(directory, 'changed.txt'), `${String((changes += 1)).padStart(3, '0')}\n`);
  const set = async (file: string, settings: readonly string[]): Promise<void> => {
    for (const setting of settings) {
      const end = setting.indexOf('=');
      await call(undefined, ['config', '--file', file, setting.slice(0, end), setting.slice(end + 1)]);
    }
  };
  const own = join(directory, '.git');
  await fillRepository(directory, call);
  return {
    directory,
    git,
    change,
    configuration: () => readFile(join(own, 'config'), 'utf8'),
    configure: (settings) => set(join(own, 'config'), settings),
    userConfiguration: async (settings) => {
      await set(join(root, 'home', '.gitconfig'), settings);
      return join(root, 'home', '.gitconfig');
    },
    takeHooks: async (folder) => {
      await cp(folder, join(own, 'hooks'), { recursive: true });
      return () => rm(join(own, 'hooks'), { recursive: true });
    },
    loseObject: async (name) => {
      const sha = (await call(undefined, ['rev-parse', name])).stdout.trim();
      const lost = [own, join(root, 'lender')].map((place) =>
        join(place, 'objects', sha.slice(0, 2), sha.slice(2)),
      );
      await Promise.all(lost.map((file) => rename(file, `${file}.lost`).catch(() => undefined)));
      return async () => {
        await Promise.all(lost.map((file) => rename(`${file}.lost`, file).catch(() => undefined)));
      };
    },
    trap: (name) => makeTrap(join(root, 'traps'), { name, mark: join(marks, name) }),
    sprung: async () => {
      const names = await readdir(marks);
      await Promise.all(names.map((name) => rm(join(marks, name), { force: true })));
      return names.sort();
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** A program under `traps`; it ends with an error so that nothing waits for its answer. */
async function makeTrap(traps: string, { name, mark }: { name: string; mark: string }): Promise<string> {
  const program = join(traps, name);
  const script = `#!/bin/sh\n: > '${mark}'\nexit 1\n`;
  const hooks = ['post-checkout', 'pre-commit', 'post-index-change', 'reference-transaction'];
  const folders = [`${program}.hooks`, join(`${program}.template`, 'hooks')];
  await Promise.all(folders.map((folder) => mkdir(folder, { recursive: true })));
  const places = [program, ...folders.flatMap((folder) => hooks.map((hook) => join(folder, hook)))];
  for (const place of places) {
    await writeFile(place, script);
    await chmod(place, 0o755);
  }
  return program;
}

type GitCall = (input: string | undefined, args: readonly string[]) => Promise<CommandResult>;

async function fillRepository(directory: string, call: GitCall): Promise<void> {
  const git = (...args: string[]) => call(undefined, args);
  const write = (name: string, text: string) => writeFile(join(directory, name), text);
  await git('init', '--quiet', '--initial-branch=main');
  await write('.gitattributes', attributes);
  await write('changed.txt', 'one\n');
  await write('.gitmodules', '[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n');
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'First');
  await git(
    'update-index',
    '--add',
    '--cacheinfo',
    `160000,${(await git('rev-parse', 'HEAD')).stdout.trim()},sub`,
  );
  await git('commit', '--quiet', '--message', 'Submodule');
  await git('checkout', '--quiet', '-b', 'other');
  await write('changed.txt', 'oth\n');
  await git('commit', '--quiet', '--all', '--message', 'Other');
  await git('checkout', '--quiet', 'main');
  await write('changed.txt', 'two\n');
  await git('commit', '--quiet', '--all', '--message', 'Second');
  const [head, ...message] = (await git('cat-file', 'commit', 'HEAD')).stdout.split('\n\n');
  const signed = [head, ...signature, '', message.join('\n\n')].join('\n');
  const made = await call(signed, ['hash-object', '-t', 'commit', '-w', '--stdin']);
  await git('update-ref', 'refs/heads/signed', made.stdout.trim());
  const own = join(directory, '.git');
  await git('remote', 'add', 'origin', own);
  await git('config', 'submodule.sub.url', own);
  await git('clone', '--quiet', '--bare', own, '../lender');
  await writeFile(join(own, 'objects', 'info', 'alternates'), '../../../lender/objects\n');
}
