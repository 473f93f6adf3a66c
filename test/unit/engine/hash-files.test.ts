import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashFiles, type HashPlace } from '../../../src/engine/hash-files.ts';
import type { Agent } from '../../../src/ports/agent.ts';

let workspace: string;

/** Runs the command on this machine, as the agent would in its container. */
const agentHere = (): Agent =>
  ({
    workspace,
    query: async ([program = '', ...args]: readonly string[]) => {
      const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
      return { exitCode: status ?? -1, stdout, stderr };
    },
  }) as unknown as Agent;

const place = (more: Partial<HashPlace> = {}): HashPlace => ({
  agent: agentHere(),
  container: 'main',
  directory: 'src',
  signal: new AbortController().signal,
  ...more,
});

function hash(...patterns: string[]): Promise<string> {
  return hashFiles(patterns, place());
}

/** An agent that answers without a shell. */
function answering(answer: { exitCode?: number; stdout?: string; stderr?: string }): Agent {
  return {
    workspace,
    query: async () => ({ exitCode: 0, stdout: '', stderr: '', ...answer }),
  } as unknown as Agent;
}

function write(file: string, text: string): void {
  const target = path.join(workspace, 'src', file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

beforeEach(() => {
  workspace = mkdtempSync(path.join(tmpdir(), 'hash-files-'));
  mkdirSync(path.join(workspace, 'src'));
});

afterEach(() => rmSync(workspace, { recursive: true }));

describe('hashFiles', () => {
  it('changes with the content and the names of the files that match, and with nothing else', async () => {
    write('package-lock.json', 'a');
    write('web/package-lock.json', 'b');
    const first = await hash('**/package-lock.json');

    write('README.md', 'x');
    write('web/not-package-lock.json', 'x');
    write('.git/package-lock.json', 'x');
    const same = await hash('**/package-lock.json');
    write('web/package-lock.json', 'c');
    const changed = await hash('**/package-lock.json');

    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(same).toBe(first);
    expect(changed).not.toBe(first);
  });

  it('takes a star for names within one folder', async () => {
    write('a.gradle', '1');
    const top = await hash('*.gradle');

    write('deep/b.gradle', '2');

    expect(await hash('*.gradle')).toBe(top);
    expect(await hash('**/*.gradle')).not.toBe(top);
  });

  it('finds files of odd names, in braces and in several patterns', async () => {
    write('my file (1).txt', '1');
    write('go.mod', '2');
    write('go.sum', '3');

    expect(await hash('my file (1).txt')).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash('go.{mod,sum}')).toBe(await hash('go.sum', 'go.mod'));
    expect(await hash('go.{mod,sum}')).not.toBe(await hash('go.mod'));
  });

  it('finds files in groups of groups', async () => {
    write('b.lock', '1');
    write('{x', '2');

    expect(await hash('{a,{b,c}}.lock')).toBe(await hash('b.lock'));
    expect(await hash('{a,{b,c}}.lock')).not.toBe('');
    expect(await hash('\\{x')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('takes any number of folders for two stars', async () => {
    write('web/pom.xml', '1');
    const near = await hash('web/**/pom.xml');

    write('web/a/b/pom.xml', '2');

    expect(near).toBe(await hash('web/pom.xml'));
    expect(near).not.toBe('');
    expect(await hash('web/**/pom.xml')).not.toBe(near);
  });

  it('takes ./ for the folder itself, at the beginning alone', async () => {
    write('go.mod', '1');
    write('x./go.mod', '2');

    expect(await hash('./go.mod')).toBe(await hash('go.mod'));
    expect(await hash('x./go.mod')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('takes a star for names that begin with a dot, too', async () => {
    write('.npmrc', '1');

    expect(await hash('*rc')).toBe(await hash('.npmrc'));
    expect(await hash('*rc')).not.toBe('');
  });

  it('looks in a folder outside of the workspace that the checkout says', async () => {
    write('go.mod', '1');
    const directory = path.join(workspace, 'src');

    expect(await hashFiles(['go.mod'], place({ directory }))).toBe(await hash('go.mod'));
  });

  it('is the same in whatever order the files are found', async () => {
    const lines = [`${'a'.repeat(64)}  ./a`, `${'b'.repeat(64)}  ./b`, `${'c'.repeat(64)}  ./c`];
    const of = (order: readonly number[]) =>
      hashFiles(
        ['*'],
        place({ agent: answering({ stdout: order.map((at) => `${lines[at]!}\n`).join('') }) }),
      );

    expect(await of([2, 0, 1])).toBe(await of([0, 1, 2]));
    expect(await of([1, 2, 0])).toBe(await of([0, 1, 2]));
    expect(await of([0, 1])).not.toBe(await of([0, 1, 2]));
    expect(await of([1, 0])).toBe(
      createHash('sha256')
        .update(`${'a'.repeat(64)} a\n${'b'.repeat(64)} b\n`)
        .digest('hex'),
    );
  });

  it('is empty when no file matches', async () => {
    expect(await hash('nothing-*.lock')).toBe('');
  });

  it('never runs what a pattern says', async () => {
    write('a', '1');

    expect(await hash('$(touch pwned)', '`touch pwned`', '; touch pwned', '-delete')).toBe('');
    expect(await hash('pwned')).toBe('');
    expect(await hash('a')).not.toBe('');
  });

  it.each(['/etc/passwd', '../x', 'a/../../x'])('refuses %s, which leaves the checkout', async (pattern) => {
    await expect(hash(pattern)).rejects.toThrow('leaves the checkout');
  });

  it('says why files could not be read', async () => {
    rmSync(path.join(workspace, 'src'), { recursive: true });

    await expect(hash('a')).rejects.toThrow('hashFiles could not read the files');
    mkdirSync(path.join(workspace, 'src'));
  });

  it('says so in one line', async () => {
    const agent = answering({ exitCode: 1, stderr: '\nfind: no such file\nsh: more of it\n' });

    await expect(hashFiles(['a'], place({ agent }))).rejects.toThrow(
      /^hashFiles could not read the files: find: no such file$/,
    );
  });
});
