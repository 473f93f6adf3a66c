import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp, type Server } from 'node:http';
import { connect, createServer as createTcp, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { runCommand } from '../../scripts/run-command.ts';
import { checkOut } from '../support/checkout-script.ts';
import { startHttpGitServer, type HttpGitServer } from '../support/git-server.ts';

let root: string;
/** What is checked out, and what the Git servers serve. */
let origin: string;
let commit: string;

const git = async (...args: string[]): Promise<string> => {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
  return (await runCommand(['git', '-C', origin, ...identity, ...args])).stdout.trim();
};

/** A server that asks for a login and keeps what it is given. */
interface Stranger {
  port: number;
  /** `user:password` of each request; empty for one without. */
  heard: () => readonly string[];
  close(): void;
}

async function startStranger(): Promise<Stranger> {
  const heard: string[] = [];
  const server = createHttp((request, response) => {
    const words = request.headers.authorization?.split(' ')[1] ?? '';
    heard.push(Buffer.from(words, 'base64').toString());
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="mine"' }).end();
  });
  const port = await listen(server);
  return { port, heard: () => heard, close: () => closeAll(server) };
}

function closeAll(server: Server): void {
  server.closeAllConnections();
  server.close();
}

async function listen(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
}): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** One port that leads TLS to one server and plain HTTP to another: the same authority by both schemes. */
async function startBothSchemes(
  tlsPort: number,
  plainPort: number,
): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createTcp((client) => {
    sockets.add(client.on('error', () => undefined));
    client.once('data', (first) => {
      client.pause();
      const behind = connect(first[0] === 0x16 ? tlsPort : plainPort, '127.0.0.1', () => {
        behind.write(first);
        client.pipe(behind).pipe(client);
      });
      sockets.add(behind.on('error', () => client.destroy()));
    });
  });
  return {
    port: await listen(server),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A branch whose submodule `sub` comes from a URL. */
async function branchWithSubmodule(branch: string, url: string): Promise<void> {
  await git('checkout', '--quiet', '-B', branch, commit);
  await writeFile(join(origin, '.gitmodules'), `[submodule "sub"]\n\tpath = sub\n\turl = ${url}\n`);
  await git('add', '.gitmodules');
  await git('update-index', '--add', '--cacheinfo', `160000,${commit},sub`);
  await git('commit', '--quiet', '--message', `Take in ${branch}`);
  await git('checkout', '--quiet', '--force', 'main');
}

const login = (server: HttpGitServer): Record<string, string> => ({
  CHECKOUT_USERNAME: server.username,
  CHECKOUT_PASSWORD: server.password,
});

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-git-credentials-'));
  origin = join(root, 'origin');
  await mkdir(origin);
  await git('init', '--quiet', '--initial-branch=main');
  await git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  await writeFile(join(origin, 'version'), '1');
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'First');
  commit = await git('rev-parse', 'HEAD');
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('the login of a checkout over HTTP', () => {
  let server: HttpGitServer;
  let stranger: Stranger;

  beforeAll(async () => {
    server = await startHttpGitServer({ directory: origin, host: '127.0.0.1' });
    stranger = await startStranger();
  });
  afterAll(async () => {
    stranger.close();
    await server.close();
  });

  it('is given to the repository’s own server, for its submodules too', async () => {
    await branchWithSubmodule('own', server.url);

    const result = await checkOut(join(root, 'own'), {
      ...{ CHECKOUT_URL: server.url, CHECKOUT_REF: 'own', CHECKOUT_SUBMODULES: 'true' },
      ...login(server),
    });

    expect(result).toMatchObject({ exitCode: 0, outputs: { branch: 'own' } });
    expect(await readFile(join(root, 'own', 'sub', 'version'), 'utf8')).toBe('1');
  });

  it('is given to the server of the origin for relative submodules of a repository that the runner sent', async () => {
    await branchWithSubmodule('relative', '../repository.git');
    const sent = join(root, 'sent');
    await git('clone', '--quiet', '--bare', '--branch=relative', '.', sent);
    const origins = { CHECKOUT_LOCAL: sent, CHECKOUT_ORIGIN: server.url, CHECKOUT_PROTOCOLS: 'file' };

    const result = await checkOut(join(root, 'relative'), {
      ...{ CHECKOUT_URL: `file://${sent}`, CHECKOUT_REF: 'refs/heads/relative', CHECKOUT_SUBMODULES: 'true' },
      ...{ ...origins, ...login(server) },
    });

    expect(result).toMatchObject({ exitCode: 0, outputs: { url: server.url } });
    expect(await readFile(join(root, 'relative', 'sub', 'version'), 'utf8')).toBe('1');
  });

  it.each([
    ['another host', (port: number) => `http://127.0.0.1:${String(port)}/sub.git`],
    [
      'another host whose URL has a user’s name that reads like the own host’s prompt',
      (port: number) =>
        `http://ci%40${encodeURIComponent(`${new URL(server.url).host}': `)}@127.0.0.1:${String(port)}/sub.git`,
    ],
  ])('is not given to %s', async (what, url) => {
    const branch = what.replace(/\W+/g, '-');
    await branchWithSubmodule(branch, url(stranger.port));
    const before = stranger.heard().length;

    const result = await checkOut(join(root, branch), {
      ...{ CHECKOUT_URL: server.url, CHECKOUT_REF: branch, CHECKOUT_SUBMODULES: 'true' },
      ...login(server),
    });

    expect(result.exitCode).not.toBe(0);
    expect(stranger.heard().length).toBeGreaterThan(before);
    expect(stranger.heard().join()).not.toContain(server.password);
  });

  it('is not sent in the clear to the same authority by http when the checkout is by https', async () => {
    const secure = await startHttpGitServer({ directory: origin, host: '127.0.0.1', tls: true });
    const both = await startBothSchemes(Number(new URL(secure.url).port), stranger.port);
    const authority = `127.0.0.1:${String(both.port)}`;
    const trusted = join(root, 'certificate.pem');
    await writeFile(trusted, secure.certificate ?? '');
    await branchWithSubmodule('downgrade', `http://${authority}/repository.git`);
    const before = stranger.heard().length;
    try {
      const result = await checkOut(join(root, 'downgrade'), {
        ...{ CHECKOUT_URL: `https://${authority}/repository.git`, CHECKOUT_REF: 'downgrade' },
        ...{ CHECKOUT_SUBMODULES: 'true', GIT_SSL_CAINFO: trusted, ...login(secure) },
      });

      expect(await readFile(join(root, 'downgrade', 'version'), 'utf8')).toBe('1'); // its own login was taken
      expect(result.exitCode).not.toBe(0);
      expect(stranger.heard().length).toBeGreaterThan(before);
      expect(stranger.heard().join()).not.toContain(secure.password);
    } finally {
      both.close();
      await secure.close();
    }
  });

  it('is seen by no hook and no program that an earlier stage left in the folder or the environment', async () => {
    const target = join(root, 'planted');
    const mark = join(root, 'mark');
    const program = join(root, 'program');
    await writeFile(program, `#!/bin/sh\n: > '${mark}'\n`, { mode: 0o755 });
    const plant = (...args: string[]) => runCommand(['git', '-C', target, ...args]);
    await mkdir(target);
    await plant('init', '--quiet');
    for (const hook of ['post-checkout', 'reference-transaction', 'post-index-change'])
      await writeFile(join(target, '.git', 'hooks', hook), `#!/bin/sh\n: > '${mark}'\n`, { mode: 0o755 });
    for (const key of [
      'core.fsmonitor',
      'credential.helper',
      'filter.trap.smudge',
      'core.askPass',
      'core.pager',
    ])
      await plant('config', key, program);
    await plant('config', 'remote.origin.uploadpack', program);
    await plant('config', `url.ext::${program}.insteadOf`, server.url);
    await writeFile(join(target, '.git', 'info', 'attributes'), '* filter=trap\n');
    const user = join(root, 'user-config');
    await writeFile(user, `[core]\n\tfsmonitor = ${program}\n[credential]\n\thelper = ${program}\n`);

    const result = await checkOut(target, {
      ...{ CHECKOUT_URL: server.url, ...login(server), XDG_CONFIG_HOME: root, GIT_CONFIG_GLOBAL: user },
      ...{ GIT_DIR: join(root, 'elsewhere'), GIT_EXTERNAL_DIFF: program, GIT_ASKPASS: program },
    });

    await expect(readFile(mark)).rejects.toThrow('ENOENT');
    expect(result).toMatchObject({ exitCode: 0, outputs: { sha: commit } });
  });

  it('is seen by no hook and no monitor that an earlier stage left in a submodule', async () => {
    const target = join(root, 'modules');
    const mark = join(root, 'mark-of-module');
    const program = `#!/bin/sh\n: >> '${mark}'\n`;
    const source = { CHECKOUT_URL: server.url, CHECKOUT_SUBMODULES: 'true', ...login(server) };
    await branchWithSubmodule('modules', server.url);
    expect(await checkOut(target, { ...source, CHECKOUT_REF: 'modules' })).toMatchObject({ exitCode: 0 });
    const module = join(target, '.git', 'modules', 'sub');
    await mkdir(join(module, 'hooks'), { recursive: true });
    for (const hook of ['post-checkout', 'reference-transaction', 'post-index-change'])
      await writeFile(join(module, 'hooks', hook), program, { mode: 0o755 });
    await writeFile(join(module, 'monitor'), program, { mode: 0o755 });
    const inModule = (...args: string[]) => runCommand(['git', '-C', join(target, 'sub'), ...args]);
    // Another commit than the one that is wanted, so that Git has work to do there.
    const author = [
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.com',
      '-c',
      'core.hooksPath=/dev/null',
    ];
    await inModule(...author, 'commit', '--quiet', '--allow-empty', '--message', 'Elsewhere');
    await inModule('config', 'core.fsmonitor', join(module, 'monitor'));

    const result = await checkOut(target, { ...source, CHECKOUT_REF: 'modules' });

    await expect(readFile(mark)).rejects.toThrow('ENOENT');
    expect(result).toMatchObject({ exitCode: 0 });
    expect((await inModule('-c', 'core.fsmonitor=false', 'rev-parse', 'HEAD')).stdout.trim()).toBe(commit);
  });
});
