import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GitError, runGit } from '../../../../src/adapters/git/git-command.ts';

let gitDirectory: string;
const environment = process.env;

beforeEach(async () => {
  gitDirectory = await mkdtemp(path.join(tmpdir(), 'slipway-command-'));
});
afterEach(async () => {
  process.env = environment;
  await rm(gitDirectory, { recursive: true });
});

/** Puts a program named git where the variable PATH leads to it. */
async function fakeGit(script: string, entry: 'absolute' | 'relative'): Promise<void> {
  const folder = path.join(gitDirectory, 'bin');
  await mkdir(folder);
  await writeFile(path.join(folder, 'git'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const first = entry === 'absolute' ? folder : 'bin';
  process.env = { ...environment, PATH: `${first}:${environment['PATH'] ?? ''}` };
}

const { signal } = new AbortController();

describe('a call of Git on the runner', () => {
  it('ends with the signal’s reason, and ends Git, when it is aborted', async () => {
    await fakeGit('exec sleep 60', 'absolute');
    const controller = new AbortController();

    const call = runGit(['status'], { gitDirectory, signal: controller.signal });
    controller.abort(new Error('enough'));

    await expect(call).rejects.toThrow('enough');
  });

  it('takes no program from a relative entry of PATH', async () => {
    const mark = path.join(gitDirectory, 'mark');
    await fakeGit(`: > ${mark}`, 'relative');

    expect(await runGit(['version'], { gitDirectory, signal })).toMatch(/^git version /);
    await expect(access(mark)).rejects.toThrow('ENOENT');
  });

  it('runs nothing that its own directory would name: file system monitor, hook, transport', async () => {
    const mark = path.join(gitDirectory, 'mark');
    const program = path.join(gitDirectory, 'program');
    const hook = path.join(gitDirectory, 'hooks', 'reference-transaction');
    const workTree = path.join(gitDirectory, 'files');
    const call = { gitDirectory, workTree, signal };
    for (const folder of [workTree, path.dirname(hook)]) await mkdir(folder);
    await runGit(['init', '--quiet', '--template='], call);
    for (const file of [program, hook]) await writeFile(file, `#!/bin/sh\n: > '${mark}'\n`, { mode: 0o755 });
    await runGit(['config', 'core.fsmonitor', program], call);
    await runGit(['config', 'protocol.ext.allow', 'always'], call);

    await runGit(['status', '--porcelain'], call);
    await expect(access(mark)).rejects.toThrow('ENOENT');
    const tree = (await runGit(['write-tree'], call)).trim();
    await runGit(['update-ref', 'refs/tags/x', tree], call);
    await expect(access(mark)).rejects.toThrow('ENOENT');
    await expect(runGit(['ls-remote', `ext::${program}`], call)).rejects.toThrow("'ext' not allowed");
    await expect(access(mark)).rejects.toThrow('ENOENT');
  });

  it('says why Git failed, without its advice', async () => {
    await fakeGit(
      'echo "hint: try x" >&2; echo "fatal: no such thing" >&2; echo "more" >&2; exit 3',
      'absolute',
    );

    const error = await runGit(['log'], { gitDirectory, signal }).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(GitError);
    expect(error).toMatchObject({ message: 'fatal: no such thing', exitCode: 3 });
  });

  it('says that there is no Git', async () => {
    process.env = { ...environment, PATH: gitDirectory };

    await expect(runGit(['log'], { gitDirectory, signal })).rejects.toThrow('the command git cannot be run');
  });

  it('keeps no more output than its limit', async () => {
    await fakeGit('exec head -c 70000000 /dev/zero', 'absolute');

    await expect(runGit(['log'], { gitDirectory, signal })).rejects.toThrow(/wrote more than \d+ bytes/);
  });

  it('gives output as it comes where it is asked to, without a limit', async () => {
    await fakeGit('exec head -c 70000000 /dev/zero', 'absolute');
    let bytes = 0;

    await runGit(['log'], { gitDirectory, signal, onOutput: (chunk) => (bytes += chunk.length) });

    expect(bytes).toBe(70_000_000);
  });
});
