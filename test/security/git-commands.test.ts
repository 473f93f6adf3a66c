import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { stringify } from 'yaml';

import { runCommand } from '../../scripts/run-command.ts';
import { testCluster, type TestCluster } from '../support/cluster.ts';
import { expectExit, runPipeline, type PipelineResult } from '../support/pipeline-command.ts';

jest.setTimeout(120_000);

let cluster: TestCluster;
let root: string;
/** The clone that the commands work on. */
let clone: string;
/** What is there once a program of the repository has run on this machine. */
let mark: string;

const git = (directory: string, ...args: string[]) =>
  runCommand(['git', '-c', 'user.name=Eve', '-c', 'user.email=eve@example.com', '-C', directory, ...args]);

/** A repository whose folder `ci`, beside the pipeline file, is a bare repository for a Git that looks for one. */
async function writeHostileFiles(directory: string): Promise<void> {
  const pipeline = {
    ...{ apiVersion: 'slipway.dev/v1', kind: 'Pipeline', name: 'hostile' },
    stages: [
      { name: 'source', checkout: {} },
      { name: 'look', run: 'echo "branch $BRANCH"', env: { BRANCH: '${{ git.branch }}' } },
    ],
  };
  const files = {
    'ci/app.yaml': stringify(pipeline),
    'ci/HEAD': 'ref: refs/heads/main\n',
    'ci/config': `[core]
	repositoryformatversion = 0
	bare = false
	worktree = .
	fsmonitor = "/bin/sh ./x.sh"
`,
    'ci/objects/.keep': '',
    'ci/refs/heads/.keep': '',
    'ci/x.sh': `: > '${mark}'\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
}

const pipeline = (command: string, ...options: string[]): Promise<PipelineResult> =>
  runPipeline([command, 'app.yaml', ...options], {
    cwd: join(clone, 'ci'),
    env: { KUBECONFIG: cluster.kubeconfig },
    timeoutMs: 100_000,
  });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-hostile-commands-'));
  mark = join(root, 'mark');
  const origin = join(root, 'origin');
  clone = join(root, 'clone');
  await mkdir(origin);
  await writeHostileFiles(origin);
  await git(origin, 'init', '--quiet', '--initial-branch=main');
  await git(origin, 'add', '.');
  await git(origin, 'commit', '--quiet', '--message', 'Look harmless');
  await git(root, 'clone', '--quiet', origin, clone);
  cluster = await testCluster();
});
afterAll(async () => {
  await cluster.close();
  await rm(root, { recursive: true, force: true });
});

describe('a repository that brings a bare repository beside its pipeline file', () => {
  it('has its program run by plain Git in that folder, so the trap is one', async () => {
    await git(join(clone, 'ci'), '-c', 'safe.bareRepository=all', 'status');

    expect(existsSync(mark)).toBe(true);
    await rm(mark);
  });

  it.each([['validate'], ['plan'], ['doctor'], ['run']])(
    'runs nothing on the machine of `pipeline %s`',
    async (command) => {
      await rm(mark, { force: true });
      const options = command === 'run' ? ['--results', join(root, 'results')] : [];

      const result = await pipeline(command, ...options);

      expect(existsSync(mark)).toBe(false);
      if (command !== 'doctor') expectExit(result, 0);
      if (command === 'run') expect(result.stdout).toContain('[look] branch main\n');
    },
  );
});
