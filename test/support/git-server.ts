import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import { runCommand } from '../../scripts/run-command.ts';
import { freePort } from './free-port.ts';
import { waitFor } from './wait-for.ts';

/** A Git server with one repository, which asks for a login. */
export interface GitServer {
  /** The repository's URL as the cluster's pods see it; without credentials. */
  url: string;
  close(): Promise<void>;
}

/** A Git server over HTTP(S). */
export interface HttpGitServer extends GitServer {
  username: string;
  password: string;
  /** The certificate to trust, PEM; only with TLS. */
  certificate?: string;
  /** How many requests came without the right login; Git itself sends one before it is asked. */
  refused(): number;
}

/** A Git server over SSH. */
export interface SshGitServer extends GitServer {
  /** The one private key that is let in, in OpenSSH's format. */
  privateKey: string;
  /** Lines for known_hosts. */
  knownHosts: string;
}

/** What is served, and the name or address of this machine under which pods reach it. */
export interface GitServerOptions {
  /** A working copy or bare repository. */
  directory: string;
  host: string;
}

/** Serves a repository by `git http-backend` behind basic auth; with `tls` by a certificate that it makes for itself. */
export async function startHttpGitServer(
  options: GitServerOptions & { tls?: boolean },
): Promise<HttpGitServer> {
  const username = 'robot$ci';
  const password = randomBytes(9).toString('base64');
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  let refused = 0;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.headers.authorization !== expected) {
      refused += 1;
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
      return;
    }
    serve(request, response, options.directory);
  };
  const tls = options.tls === true ? await makeCertificate(options.host) : undefined;
  const server = tls === undefined ? createHttp(answer) : createHttps(tls, answer);
  await new Promise<void>((resolve) => (server as Server).listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${options.host}:${port}/repository.git`,
    username,
    password,
    ...(tls === undefined ? {} : { certificate: tls.cert }),
    refused: () => refused,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One request through git-http-backend, which speaks CGI (RFC 3875). */
function serve(request: IncomingMessage, response: ServerResponse, directory: string): void {
  const url = new URL(request.url ?? '/', 'http://git');
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: directory,
      GIT_HTTP_EXPORT_ALL: '1',
      // The repository may belong to another user than the one who runs the tests.
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: url.pathname.replace(/^\/repository\.git/, '/.git'),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      HTTP_GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: 'ci',
      REMOTE_ADDR: request.socket.remoteAddress,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // A client that goes away early closes the pipe: the backend ends by itself.
  backend.stdin.on('error', () => undefined);
  request.pipe(backend.stdin);
  let head = Buffer.alloc(0);
  const readHead = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    backend.stdout.off('data', readHead);
    let status = 200;
    for (const line of head.subarray(0, end).toString('latin1').split('\r\n')) {
      const [, name, value] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) continue;
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status);
    response.write(head.subarray(end + 4));
    backend.stdout.pipe(response);
  };
  backend.stdout.on('data', readHead);
  backend.once('close', () => response.end());
}

/** A key and a certificate for one host, signed by itself. */
async function makeCertificate(host: string): Promise<{ key: string; cert: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-tls-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const name = /^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`;
    await runCommand([
      ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...[
        '-days',
        '2',
        '-subj',
        '/CN=git',
        '-addext',
        `subjectAltName=${name}`,
        '-keyout',
        key,
        '-out',
        cert,
      ],
    ]);
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Serves a repository by OpenSSH's server as a process of this user, on a port and with a host key of its own. */
export async function startSshGitServer(options: GitServerOptions): Promise<SshGitServer> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-sshd-'));
  const path = (name: string): string => join(folder, name);
  for (const key of ['host', 'client'])
    await runCommand(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', path(key)]);
  const [hostKey, clientKey] = [
    await readFile(path('host.pub'), 'utf8'),
    await readFile(path('client.pub'), 'utf8'),
  ];
  // Whoever has the key may read repositories and do nothing else.
  const command =
    'git -c safe.directory=* upload-pack "$(printf %s "$SSH_ORIGINAL_COMMAND" | cut -d"\'" -f2)"';
  await writeFile(path('serve'), `#!/bin/sh\nexec ${command}\n`);
  await chmod(path('serve'), 0o700);
  await writeFile(path('authorized_keys'), `restrict,command="${path('serve')}" ${clientKey}`, {
    mode: 0o600,
  });
  const port = await freePort();
  const settings = [
    `Port ${port}`,
    `HostKey ${path('host')}`,
    `AuthorizedKeysFile ${path('authorized_keys')}`,
    `PidFile ${path('pid')}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'StrictModes no',
  ];
  await writeFile(path('config'), `${settings.join('\n')}\n`);
  // As root sshd wants this folder, which the system's own service would have made.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', path('config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  await waitFor('sshd to listen', async () => {
    if (server.exitCode !== null) throw new Error(`sshd ended: ${log}`);
    return log.includes('Server listening') ? true : undefined;
  });
  return {
    url: `ssh://${userInfo().username}@${options.host}:${port}${options.directory}`,
    privateKey: await readFile(path('client'), 'utf8'),
    knownHosts: `[${options.host}]:${port} ${hostKey.split(' ').slice(0, 2).join(' ')}\n`,
    close: async () => {
      const ended = new Promise((resolve) => server.once('close', resolve));
      server.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
