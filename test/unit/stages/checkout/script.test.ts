import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkOut } from '../../../support/checkout-script.ts';

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
  const source = { CHECKOUT_URL: `file://${path.join(folder, 'origin')}`, CHECKOUT_PROTOCOLS: 'file' };
  const result = await checkOut(target, { ...source, ...env });
  if (result.exitCode !== 0) throw new Error(`ended with ${String(result.exitCode)}: ${result.stderr}`);
  return { target, ...result };
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
  it.each(['file', 'ext'])('takes no repository over %s:, unless the runner said so', async (transport) => {
    const origin = path.join(folder, 'origin');
    const urls: Record<string, string> = {
      file: `file://${origin}`,
      ext: `ext::git-upload-pack ${origin}`,
    };

    const result = await checkOut(path.join(folder, `by-${transport}`), {
      CHECKOUT_URL: urls[transport] ?? '',
    });

    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toContain(`transport '${transport}' not allowed`);
  });

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

  it.each([['main'], ['refs/pull/7/head'], ['v1'], ['']])(
    'has the tags where they are asked for, so that %j can be described',
    async (ref) => {
      const name = `tags-${ref.replaceAll('/', '-')}`;
      const env = { CHECKOUT_REF: ref, CHECKOUT_DEPTH: '0' };
      const tagsOf = async (target: string) => (await run('git', ['-C', target, 'tag'])).stdout.trim();

      const { target, outputs } = await checkout(name, { ...env, CHECKOUT_TAGS: 'true' });

      const isFirst = outputs['sha'] === first;
      const { stdout } = await run('git', ['-C', target, 'describe', '--tags']);
      expect(stdout.trim()).toBe(isFirst ? 'v1' : `v1-1-g${second.slice(0, 7)}`);
      expect(await tagsOf((await checkout(`${name}-none`, env)).target)).toBe(ref === 'v1' ? 'v1' : '');
      expect(
        await tagsOf((await checkout(`${name}-1`, { CHECKOUT_REF: ref, CHECKOUT_TAGS: 'true' })).target),
      ).toBe('v1');
    },
  );

  it('says what is missing when the ref is not there', async () => {
    await expect(checkout('missing', { CHECKOUT_REF: 'no-such-branch' })).rejects.toThrow(
      /^ended with 1: [^]*no branch, tag or commit named no-such-branch/,
    );
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

  it('takes all that there is of a repository that was sent with a shallow history', async () => {
    const place = path.join(folder, 'sent-shallow');
    const source = `file://${path.join(folder, 'origin')}`;
    await run('git', ['clone', '--quiet', '--bare', '--depth=1', source, place]);
    const { target, outputs } = await checkout('shallow-checkout', {
      CHECKOUT_URL: `file://${place}`,
      CHECKOUT_LOCAL: place,
      CHECKOUT_REF: 'refs/heads/main',
      CHECKOUT_DEPTH: '0',
    });

    expect(outputs['sha']).toBe(second);
    const { stdout } = await run('git', ['-C', target, 'rev-list', '--count', 'HEAD']);
    expect(stdout.trim()).toBe('1');
  });

  it('tells the same of a signed commit, whatever the configuration of the image says', async () => {
    const gpg = path.join(folder, 'gpg');
    await writeFile(gpg, '#!/bin/sh\necho "gpg: Good signature" >&2\necho "[GNUPG:] GOODSIG 1 Ada" >&1\n', {
      mode: 0o755,
    });
    const [head = '', ...rest] = (await git('cat-file', 'commit', 'main')).split('\n\n');
    const signature = 'gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----';
    const object = path.join(folder, 'signed-object');
    await writeFile(object, `${head}\n${signature}\n\n${rest.join('\n\n')}\n`);
    const signed = await git('hash-object', '-t', 'commit', '-w', object);
    await git('update-ref', 'refs/heads/signed', signed);
    const settings = [`gpg.program=${gpg}`, 'log.showSignature=true', 'color.ui=always', 'column.ui=always'];
    const configuration = settings.map((setting, index) => [
      [`GIT_CONFIG_KEY_${String(index)}`, setting.split('=')[0]],
      [`GIT_CONFIG_VALUE_${String(index)}`, setting.split('=')[1]],
    ]);
    const env = Object.fromEntries(configuration.flat()) as Record<string, string>;

    const plain = await checkout('signed', { CHECKOUT_REF: 'signed' });
    const configured = await checkout('configured', {
      ...{ CHECKOUT_REF: 'signed', GIT_CONFIG_COUNT: String(settings.length) },
      ...env,
    });

    expect(plain.outputs).toMatchObject({ sha: signed, author: 'Ada <ada@example.com>' });
    expect(configured.outputs).toEqual(plain.outputs);
    expect(configured.stdout).toBe(plain.stdout);
  });

  it('leaves no credential in the repository', async () => {
    const { target } = await checkout('secret', { CHECKOUT_PASSWORD: 'hunter22', CHECKOUT_USERNAME: 'ci' });

    await expect(run('grep', ['-r', 'hunter22', target])).rejects.toMatchObject({ code: 1 });
  });

  it('says what the server refuses, and nothing of names that it could not look up', async () => {
    const server = await answering((_request, response) => {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
    });

    for (const ref of ['main', '', 'abcdef1', 'refs/heads/main']) {
      const login = { CHECKOUT_LOGIN: 'ci:hunter22:with-colon' };
      const result = await checkOut(path.join(folder, 'refused'), {
        CHECKOUT_URL: server.url,
        CHECKOUT_REF: ref,
        ...login,
      });

      expect(result.exitCode).toBe(128);
      expect(result.stderr).not.toContain('no branch');
      expect(result.outputs['failure']).toMatch(/^fatal: Authentication failed for/);
    }
    expect(server.logins).toContain('ci:hunter22:with-colon');
    await server.close();
  });

  it.each<[string, Answer]>([
    ['answers 503', (_request, response) => void response.writeHead(503).end()],
    ['answers 429', (_request, response) => void response.writeHead(429).end()],
    ['resets the connection', (request) => void request.socket.resetAndDestroy()],
    ['closes the connection', (request) => void request.socket.destroy()],
  ])('ends with 75 where the server %s', async (_what, answer) => {
    const server = await answering(answer);

    for (const ref of ['main', '', 'abcdef1', 'refs/heads/main']) {
      const result = await checkOut(path.join(folder, 'trouble'), {
        CHECKOUT_URL: server.url,
        CHECKOUT_REF: ref,
      });

      expect([ref, result.exitCode]).toEqual([ref, 75]);
      expect(result.outputs['failure']).toMatch(/^(fatal|error): /);
      expect(result.stderr).not.toContain('no branch');
    }
    await server.close();
  });

  it.each([
    ['nobody listens', 'http://127.0.0.1:1/x.git'],
    ['the host has no address', 'http://no-such-host.invalid/x.git'],
    ['nobody listens for SSH', 'ssh://git@127.0.0.1:1/x.git'],
  ])('ends with 75 where %s', async (_what, url) => {
    const result = await checkOut(path.join(folder, 'nobody'), { CHECKOUT_URL: url, CHECKOUT_REF: 'main' });

    expect(result.exitCode).toBe(75);
    expect(result.outputs['failure']).not.toBe('');
  });

  it('ends with the exit code of Git where the server has no such repository', async () => {
    const server = await answering((_request, response) => void response.writeHead(404).end());

    const result = await checkOut(path.join(folder, 'none'), {
      CHECKOUT_URL: server.url,
      CHECKOUT_REF: 'main',
    });

    expect(result).toMatchObject({
      exitCode: 128,
      outputs: { failure: expect.stringContaining('not found') },
    });
    await server.close();
  });
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that is none of Git's, and the logins that it was sent. */
async function answering(answer: Answer) {
  const logins: string[] = [];
  const server = createServer((request, response) => {
    const { authorization } = request.headers;
    if (authorization !== undefined)
      logins.push(Buffer.from(authorization.split(' ')[1] ?? '', 'base64').toString('utf8'));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((resolve) => server.close(resolve));
  return { url: `http://127.0.0.1:${String(port)}/x.git`, logins, close };
}
