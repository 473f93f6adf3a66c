import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkoutScript } from '../../../../src/stages/checkout/script.ts';
import { startHttpGitServer } from '../../../support/git-server.ts';

const run = promisify(execFile);
const author = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
let folder: string;
let first: string;
let second: string;

async function git(...args: string[]): Promise<string> {
  const { stdout } = await run('git', [...author, ...args], { cwd: path.join(folder, 'origin') });
  return stdout.trim();
}

/** Runs the script as a step does, and reads its outputs. */
async function checkout(name: string, env: Record<string, string>) {
  const target = path.join(folder, name);
  const outputs = path.join(folder, `${name}.outputs`);
  await writeFile(outputs, '');
  const defaults = {
    CHECKOUT_URL: `file://${path.join(folder, 'origin')}`,
    CHECKOUT_PROTOCOLS: 'file',
    CHECKOUT_PATH: target,
    CHECKOUT_REF: '',
    CHECKOUT_DEPTH: '1',
    CHECKOUT_SUBMODULES: 'false',
    CHECKOUT_LFS: '',
    SLIPWAY_OUTPUT: outputs,
  };
  const { stdout, stderr } = await run('sh', ['-e', '-c', checkoutScript], {
    env: { PATH: process.env['PATH'], ...defaults, ...env },
  });
  const lines = (await readFile(outputs, 'utf8')).trim().split('\n');
  const values = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return { target, stdout, stderr, outputs: values };
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slipway-checkout-'));
  const origin = path.join(folder, 'origin');
  await mkdir(origin);
  await git('init', '--quiet', '--initial-branch=main');
  await git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  for (const [content, message] of [
    ['1', 'First'],
    ['2', 'Second: with = sign'],
  ] as const) {
    await writeFile(path.join(origin, 'version'), content);
    await git('add', '.');
    await git('commit', '--quiet', '-m', message);
    if (content === '1') await git('tag', 'v1');
  }
  await git('update-ref', 'refs/pull/7/head', 'v1');
  [first, second] = [await git('rev-parse', 'v1'), await git('rev-parse', 'main')];
});
afterAll(() => rm(folder, { recursive: true }));

describe('the checkout script', () => {
  it('takes the remote’s default branch and tells the commit', async () => {
    const { target, outputs, stdout } = await checkout('default', {});

    expect(await readFile(path.join(target, 'version'), 'utf8')).toBe('2');
    expect(outputs).toEqual({
      url: `file://${path.join(folder, 'origin')}`,
      sha: second,
      shortSha: second.slice(0, 12),
      branch: 'main',
      tag: '',
      author: 'Ada <ada@example.com>',
      message: 'Second: with = sign',
    });
    expect(stdout).toContain('of branch main');
  });

  it.each([
    ['a branch', () => 'main', '2', { branch: 'main', tag: '' }],
    ['a tag', () => 'v1', '1', { branch: '', tag: 'v1' }],
    ['a full ref', () => 'refs/tags/v1', '1', { branch: '', tag: 'v1' }],
    ['a pull request', () => 'refs/pull/7/head', '1', { branch: '' }],
    ['a commit', () => first, '1', { branch: '' }],
    ['an abbreviated commit', () => first.slice(0, 9), '1', { branch: '' }],
  ])('takes %s', async (name, ref, version, expected) => {
    const { target, outputs } = await checkout(name.replaceAll(' ', '-'), { CHECKOUT_REF: ref() });

    expect(await readFile(path.join(target, 'version'), 'utf8')).toBe(version);
    expect(outputs).toMatchObject({ ...expected, sha: version === '1' ? first : second });
  });

  it('has one commit of history, or all of them when depth is 0', async () => {
    const count = async (directory: string) =>
      (await run('git', ['-C', directory, 'rev-list', '--count', 'HEAD'])).stdout.trim();

    expect(await count((await checkout('shallow', {})).target)).toBe('1');
    expect(await count((await checkout('whole', { CHECKOUT_DEPTH: '0' })).target)).toBe('2');
  });

  it('says what is missing when the ref is not there', async () => {
    await expect(checkout('missing', { CHECKOUT_REF: 'no-such-branch' })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no branch, tag or commit named no-such-branch'),
    });
  });

  it('removes what the runner sent, and points origin at the real repository', async () => {
    const place = path.join(folder, 'sent');
    await run('git', ['clone', '--quiet', '--bare', path.join(folder, 'origin'), place]);
    const { target } = await checkout('sent-checkout', {
      CHECKOUT_URL: `file://${place}`,
      CHECKOUT_LOCAL: place,
      CHECKOUT_ORIGIN: 'https://git.example.com/shop.git',
      CHECKOUT_BRANCH: 'main',
    });

    await expect(readFile(path.join(place, 'HEAD'))).rejects.toThrow('ENOENT');
    const { stdout } = await run('git', ['-C', target, 'remote', 'get-url', 'origin']);
    expect(stdout.trim()).toBe('https://git.example.com/shop.git');
  });

  it('leaves no credential in the repository', async () => {
    const { target } = await checkout('secret', { CHECKOUT_PASSWORD: 'hunter22', CHECKOUT_USERNAME: 'ci' });

    await expect(run('grep', ['-r', 'hunter22', target])).rejects.toMatchObject({ code: 1 });
  });

  it('gives the password to the repository’s own host, and to no other that a submodule names', async () => {
    const heard: (string | undefined)[] = [];
    const stranger = createServer((request, response) => {
      heard.push(request.headers.authorization);
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="mine"' }).end();
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const { port } = stranger.address() as AddressInfo;
    const origin = path.join(folder, 'origin');
    await git('checkout', '--quiet', '-b', 'with-submodule');
    const modules = `[submodule "sub"]\n\tpath = sub\n\turl = http://127.0.0.1:${String(port)}/sub.git\n`;
    await writeFile(path.join(origin, '.gitmodules'), modules);
    await git('add', '.gitmodules');
    await git('update-index', '--add', '--cacheinfo', `160000,${first},sub`);
    await git('commit', '--quiet', '-m', 'Name a stranger');
    await git('checkout', '--quiet', '--force', 'main');
    const server = await startHttpGitServer({ directory: origin, host: '127.0.0.1' });
    try {
      const asked = {
        ...{ CHECKOUT_URL: server.url, CHECKOUT_PROTOCOLS: 'http', CHECKOUT_REF: 'with-submodule' },
        ...{ CHECKOUT_USERNAME: server.username, CHECKOUT_PASSWORD: server.password },
      };

      expect((await checkout('own-host', asked)).outputs['branch']).toBe('with-submodule');
      await expect(checkout('stranger', { ...asked, CHECKOUT_SUBMODULES: 'true' })).rejects.toMatchObject({
        stderr: expect.stringContaining(`127.0.0.1:${String(port)}`),
      });
    } finally {
      await server.close();
      stranger.closeAllConnections();
      stranger.close();
    }

    expect(heard.length).toBeGreaterThan(0);
    expect(heard.filter((header) => header !== undefined)).toEqual([]);
  });
});
