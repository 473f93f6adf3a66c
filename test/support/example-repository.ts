import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCommand } from '../../scripts/run-command.ts';

const examples = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'examples');

/** A Git repository of its own, made from one of examples/. */
export interface ExampleRepository {
  /** The working copy. */
  directory: string;
  /** Replaces text in files and commits that, with a tag; fails when a text is not there. Returns the commit's id. */
  commit(tag: string, edits: readonly Edit[]): Promise<string>;
  remove(): Promise<void>;
}

/** One replacement in one file. */
export interface Edit {
  file: string;
  from: string;
  to: string;
}

/** Copies `examples/NAME` to a temporary folder and commits it as `v1`. */
export async function makeExampleRepository(name: string): Promise<ExampleRepository> {
  const directory = await mkdtemp(join(tmpdir(), `slipway-${name}-`));
  await cp(join(examples, name), directory, {
    recursive: true,
    // Left over from trying the example by hand.
    filter: (path) => !/\/(dist|node_modules|reports|site|target|\.slipway)$/.test(path),
  });
  const git = async (...args: string[]): Promise<string> =>
    (await runCommand(['git', '-C', directory, ...args])).stdout.trim();
  await git('init', '--quiet', '--initial-branch', 'main');
  await git('config', 'user.name', 'Example');
  await git('config', 'user.email', 'example@example.com');
  const repository: ExampleRepository = {
    directory,
    commit: async (tag, edits) => {
      for (const { file, from, to } of edits) {
        const path = join(directory, file);
        const text = await readFile(path, 'utf8');
        if (!text.includes(from)) throw new Error(`${name}/${file} does not hold ${from}`);
        await writeFile(path, text.replace(from, to));
      }
      await git('add', '--all');
      await git('commit', '--quiet', '--message', tag);
      await git('tag', tag);
      return git('rev-parse', 'HEAD');
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
  await repository.commit('v1', []);
  return repository;
}
