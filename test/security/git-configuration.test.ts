import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createSourceRepository } from '../../src/adapters/git/source-repository.ts';
import { makeHostileRepository, type HostileRepository } from './git-hostile-repository.ts';
import { programKeys, type ProgramKey } from './git-programs.ts';

const { signal } = new AbortController();
const repository = createSourceRepository();
let hostile: HostileRepository;

/** The name of a key's program. */
const nameOf = ({ key }: ProgramKey): string => key.replace(/[^\w.]/g, '-');

/** The settings of a key; its program leaves the key's name. */
async function settingsOf(key: ProgramKey): Promise<string[]> {
  const program = await hostile.trap(nameOf(key));
  return [`${key.key}=${key.value?.(program) ?? program}`, ...(key.with ?? [])];
}

/** All that the runner asks of a repository of its machine. */
async function askEverything(): Promise<void> {
  const { directory } = hostile;
  const copy = await repository.workingCopy(directory, { signal });
  expect(copy).toMatchObject({ branch: 'main', message: 'Second', uncommitted: 1, directory });
  const packed = await repository.pack({ directory, ref: 'signed', depth: 0 }, { signal });
  packed.open().destroy();
  await packed.dispose();
  expect(await repository.changedFiles({ directory, from: 'HEAD~1', to: 'HEAD' }, { signal })).toEqual([
    'changed.txt',
  ]);
}

/** Calls `work` with another environment of this process. */
async function withEnvironment(values: NodeJS.ProcessEnv, work: () => Promise<void>): Promise<void> {
  const before = process.env;
  process.env = { ...before, ...values };
  try {
    await work();
  } finally {
    process.env = before;
  }
}

/** A repository of its own for each group. */
function useHostileRepository(): void {
  beforeAll(async () => {
    hostile = await makeHostileRepository();
  });
  afterAll(() => hostile.remove());
}

describe('plain Git', () => {
  useHostileRepository();

  it.each(programKeys.filter(({ provoke }) => provoke !== undefined).map((key) => [key.key, key] as const))(
    'runs the program that is named by %s, so the trap is one',
    async (_name, key) => {
      const settings = (await settingsOf(key)).flatMap((setting) => ['-c', setting]);

      await hostile.git(...settings, ...(key.provoke ?? []));

      expect(await hostile.sprung()).toContain(nameOf(key));
    },
  );
});

describe('the runner, where the repository’s own configuration names a program,', () => {
  useHostileRepository();

  it.each(programKeys.map((key) => [key.key, key] as const))('does not run it: %s', async (_name, key) => {
    const config = join(hostile.directory, '.git', 'config');
    const before = await hostile.configuration();
    await hostile.configure(await settingsOf(key));
    await hostile.change();
    await hostile.sprung();
    try {
      await askEverything();
    } finally {
      await writeFile(config, before);
    }

    expect(await hostile.sprung()).toEqual([]);
  });

  it('runs no hook, and fetches nothing that a partial clone lacks', async () => {
    const before = await hostile.configuration();
    const hooks = await hostile.trap('hook');
    await hostile.configure([
      `core.sshCommand=${await hostile.trap('lazy')}`,
      'remote.origin.url=ssh://example.invalid/x',
      'remote.origin.promisor=true',
      'extensions.partialClone=origin',
      'core.repositoryFormatVersion=1',
    ]);
    const removeHooks = await hostile.takeHooks(`${hooks}.hooks`);
    const putBack = await hostile.loseObject('HEAD:changed.txt');
    try {
      await hostile.git('cat-file', '-p', 'HEAD:changed.txt');
      expect(await hostile.sprung()).toContain('lazy');
      await repository.workingCopy(hostile.directory, { signal });
      await expect(
        repository.pack({ directory: hostile.directory, ref: 'HEAD', depth: 1 }, { signal }),
      ).rejects.toMatchObject({ code: 'source', hint: expect.stringContaining('partial clone') });
    } finally {
      await putBack();
      await removeHooks();
      await writeFile(join(hostile.directory, '.git', 'config'), before);
    }

    expect(await hostile.sprung()).toEqual([]);
  });
});

describe('the runner, where the user’s configuration or the environment names a program,', () => {
  useHostileRepository();

  it('does not run it, and answers as without', async () => {
    const all = (await Promise.all(programKeys.map((key) => settingsOf(key)))).flat();
    const user = await hostile.userConfiguration([
      ...all,
      'log.showSignature=true',
      'column.ui=always',
      'color.ui=always',
      'status.showUntrackedFiles=no',
      'safe.bareRepository=explicit',
    ]);
    const before = await hostile.configuration();
    await hostile.configure([`include.path=${user}`, `includeIf.gitdir:/.path=${user}`]);
    await hostile.change();
    const [fsmonitor] = all;
    const words = all.map((_setting, index) => index);
    const environment = {
      HOME: join(user, '..'),
      GIT_CONFIG_GLOBAL: user,
      GIT_CONFIG_SYSTEM: user,
      GIT_CONFIG_COUNT: String(words.length),
      ...Object.fromEntries(
        all.flatMap((setting, index) => {
          const end = setting.indexOf('=');
          return [
            [`GIT_CONFIG_KEY_${String(index)}`, setting.slice(0, end)],
            [`GIT_CONFIG_VALUE_${String(index)}`, setting.slice(end + 1)],
          ];
        }),
      ),
      GIT_CONFIG_PARAMETERS: `'${fsmonitor ?? ''}'`,
      GIT_EXTERNAL_DIFF: await hostile.trap('GIT_EXTERNAL_DIFF'),
      GIT_PAGER: await hostile.trap('GIT_PAGER'),
      GIT_SSH_COMMAND: await hostile.trap('GIT_SSH_COMMAND'),
      GIT_ASKPASS: await hostile.trap('GIT_ASKPASS'),
      GIT_EDITOR: await hostile.trap('GIT_EDITOR'),
      GIT_DIR: '/does/not/exist',
      GIT_WORK_TREE: '/does/not/exist',
      GIT_INDEX_FILE: '/does/not/exist',
      GIT_OBJECT_DIRECTORY: '/does/not/exist',
      GIT_TEMPLATE_DIR: `${await hostile.trap('GIT_TEMPLATE_DIR')}.template`,
      LC_ALL: 'de_DE.UTF-8',
    };
    try {
      await hostile.sprung();
      await withEnvironment(environment, askEverything);
    } finally {
      await writeFile(join(hostile.directory, '.git', 'config'), before);
    }

    expect(await hostile.sprung()).toEqual([]);
  });
});
