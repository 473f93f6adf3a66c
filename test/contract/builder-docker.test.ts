import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, connect as connectSocket, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { dirname, join } from 'node:path';
import { openBuildContext } from '../../src/adapters/build-context/open-build-context.ts';
import { dockerBuilder, type DockerBuilderOptions } from '../../src/adapters/docker/docker-builder.ts';
import {
  distributionRegistry,
  type DistributionRegistry,
} from '../../src/adapters/oci/distribution-registry.ts';
import { openHttpClients } from '../../src/adapters/http/open-http-client.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { BuildError, BuilderUnavailableError, type BuildRequest } from '../../src/ports/builder.ts';
import { AgentError } from '../../src/ports/agent.ts';
import { RegistryError } from '../../src/ports/registry.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { folderAgent } from '../fakes/folder-agent.ts';
import { startOciRegistry, type OciRegistryDouble } from '../fakes/oci-registry.ts';
import { docker, findRealDocker } from '../fakes/real-docker.ts';

const openHttp = openHttpClients(systemClock, process.env);

const real = findRealDocker();
if ('missing' in real) console.log(`skipped, builder docker: ${real.missing}`);
const whenDocker = 'missing' in real ? describe.skip : describe;
const { registry: login, base } =
  'missing' in real ? { registry: { host: '', username: '', password: '' }, base: '' } : real;
const credentials = { username: login.username, password: login.password };

whenDocker('builder docker, on a real engine and registry', () => {
  let workspace: string;
  let registry: DistributionRegistry;
  const repositories: string[] = [];
  const signal = AbortSignal.timeout(120_000);

  beforeAll(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'builder-docker-'));
    registry = distributionRegistry({ clock: systemClock, openHttp });
  });

  afterAll(async () => {
    await registry.close();
    await rm(workspace, { recursive: true });
    const ours = docker('images', '--format', '{{.Repository}}:{{.Tag}}')
      .stdout.split('\n')
      .filter((name) => name.startsWith('slipway-cache/') && name.includes('slipway-test-'));
    if (ours.length > 0) docker('rmi', ...ours);
    docker('image', 'prune', '-f', '--filter', 'label=slipway-test');
  });

  const builder = (more: Partial<DockerBuilderOptions> = {}) =>
    dockerBuilder({
      address: { type: 'environment' },
      openContext: openBuildContext,
      registry,
      clock: systemClock,
      environment: {},
      ...more,
    });

  const project = async (files: Record<string, string>) => {
    const folder = join(workspace, randomUUID());
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    return folder;
  };

  const request = (contextDirectory: string, more: Partial<BuildRequest> = {}): BuildRequest => {
    const repository = `${login.host}/slipway-test-${randomUUID().slice(0, 8)}/app`;
    repositories.push(repository);
    return {
      agent: folderAgent(workspace),
      contextDirectory,
      dockerfile: 'Dockerfile',
      repository,
      tags: ['1'],
      buildArguments: {},
      labels: {},
      cacheFrom: [],
      credentials,
      ...more,
    };
  };

  const build = async (asked: BuildRequest, more: Partial<DockerBuilderOptions> = {}) => {
    const lines: string[] = [];
    const image = await builder(more).buildAndPush(asked, {
      signal,
      onProgress: (line) => void lines.push(line),
    });
    return { image, lines };
  };

  /** Runs the image that was pushed, by its digest, as a cluster would. */
  const run = (repository: string, digest: string, ...command: string[]) => {
    const config = join(workspace, 'docker-config');
    const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
    return writeConfig(config, auth).then(() => {
      const name = `${repository}@${digest}`;
      const pulled = docker('--config', config, 'pull', name);
      if (pulled.status !== 0) throw new Error(pulled.stderr);
      const result = docker('run', '--rm', name, ...command);
      docker('rmi', name);
      return result.stdout;
    });
  };

  /** Takes what the engine keeps of a build, as on a machine that has never made it. */
  const emptyEngineOf = ({ repository }: BuildRequest) => {
    const cache = `slipway-cache/${repository.replaceAll(/[^a-z0-9]+/g, '-')}`;
    const kept = docker('images', '--format', '{{.Repository}}:{{.Tag}}', cache).stdout.trim().split('\n');
    expect(docker('rmi', ...kept)).toMatchObject({ status: 0 });
  };

  const writeConfig = async (folder: string, auth: string) => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [login.host]: { auth } } }));
  };

  it('says that it can build', async () => {
    expect(await builder().unavailable({ signal })).toBeUndefined();
  });

  it('says in one line why it cannot when no engine answers', async () => {
    const why = await builder({ address: { type: 'host', host: 'tcp://127.0.0.1:1' } }).unavailable({
      signal,
    });

    expect(why).toContain('tcp://127.0.0.1:1');
    expect(why).not.toContain('\n');
  });

  it.each(['off', 'on'] as const)(
    'builds, pushes and returns the digest of the registry (BuildKit %s)',
    async (buildKit) => {
      const folder = await project({
        Dockerfile: `FROM ${base} AS first\nARG WORD\nRUN echo "$WORD" > /word\nFROM first AS last\nCOPY data /data\nFROM last\nRUN false\n`,
        'data/file.txt': 'content',
      });
      const asked = request(folder, {
        tags: ['1', 'latest'],
        target: 'last',
        buildArguments: { WORD: `$(id) "quoted" ü ${buildKit}` },
        labels: { 'org.opencontainers.image.revision': 'abc' },
      });

      const { image, lines } = await build(asked, { buildKit });

      expect(image.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      for (const tag of asked.tags) {
        const found = await registry.resolve({ repository: asked.repository, tag }, { signal, credentials });
        expect(found).toBe(image.digest);
      }
      expect(await run(asked.repository, image.digest, 'cat', '/word', '/data/file.txt')).toBe(
        `$(id) "quoted" ü ${buildKit}\ncontent`,
      );
      expect(lines.some((line) => line.includes('RUN echo'))).toBe(true);
      expect(lines.join('\n')).not.toContain(credentials.password);
    },
  );

  it('leaves out what .dockerignore excludes, keeps modes and links, and takes a Dockerfile from anywhere', async () => {
    const folder = await project({
      '.dockerignore': 'node_modules\n*.log\n**/secret\nconf\n!keep.log\n',
      'conf/Dockerfile': `FROM ${base}\nCOPY . /context\n`,
      'node_modules/a/index.js': 'big',
      'x.log': '',
      'keep.log': '',
      'a/secret': '',
      'a/b/c.txt': '',
      'a/run.sh': '#!/bin/sh\n',
    });
    await chmod(join(folder, 'a/run.sh'), 0o755);
    await symlink('run.sh', join(folder, 'a/link'));
    const asked = request(folder, { dockerfile: 'conf/Dockerfile' });

    const { image } = await build(asked);

    const listing = await run(
      asked.repository,
      image.digest,
      'sh',
      '-c',
      'cd /context && find . | sort && ls -l a/run.sh a/link',
    );
    expect(listing.split('\n').slice(0, 9)).toEqual([
      '.',
      './.dockerignore',
      './a',
      './a/b',
      './a/b/c.txt',
      './a/link',
      './a/run.sh',
      './conf',
      './keep.log',
    ]);
    expect(listing).toMatch(/-rwxr-xr-x .* a\/run\.sh/);
    expect(listing).toMatch(/a\/link -> run\.sh/);
  });

  it('does not even read excluded folders in the pod', async () => {
    const folder = await project({
      Dockerfile: `FROM ${base}\nCOPY . /c\n`,
      '.dockerignore': 'node_modules\n',
      'node_modules/x': '',
    });
    const agent = folderAgent(workspace);

    await build(request(folder, { agent }));

    expect(agent.calls.downloads).toEqual([{ paths: ['.'], directory: folder, excludes: ['node_modules'] }]);
  });

  it.each(['off', 'on'] as const)('names the step that failed (BuildKit %s)', async (buildKit) => {
    const folder = await project({ Dockerfile: `FROM ${base}\nRUN true\nRUN echo told; exit 3\n` });

    const failing = build(request(folder), { buildKit });

    await expect(failing).rejects.toThrow(BuildError);
    await expect(failing).rejects.toThrow(/step \d\/3 "RUN echo told; exit 3" failed: .*3/);
  });

  it.each([
    ['FRM x\n', /unknown instruction/i],
    [`FROM ${base}\nCOPY missing /x\n`, /missing/],
    [`FROM ${base}\n`, undefined],
  ])('tells a wrong Dockerfile %j as the user’s own fault', async (text, words) => {
    const folder = await project({ Dockerfile: text });
    if (words === undefined) {
      await expect(build(request(folder, { target: 'nowhere' }))).rejects.toThrow(BuildError);
      return;
    }
    const failing = build(request(folder));
    await expect(failing).rejects.toThrow(BuildError);
    await expect(failing).rejects.toThrow(words);
  });

  it('says what is missing when there is no Dockerfile or no context', async () => {
    const folder = await project({ 'a.txt': '' });

    await expect(build(request(folder))).rejects.toThrow(/there is no Dockerfile at .*Dockerfile/);
    await expect(build(request(join(folder, 'nowhere')))).rejects.toThrow(/is not a folder in the workspace/);
  });

  it('tells a wrong password as unauthorized, before anything is built', async () => {
    const folder = await project({ Dockerfile: `FROM ${base}\n` });
    const lines: string[] = [];
    const asked = request(folder, {
      credentials: { username: credentials.username, password: 'wrong-Pa55word' },
    });

    const failing = builder().buildAndPush(asked, { signal, onProgress: (line) => void lines.push(line) });

    const error = await failing.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({ problem: 'unauthorized' });
    expect(lines).toEqual([]);
    expect(`${lines.join('\n')}${String(error)}`).not.toContain('wrong-Pa55word');
  });

  it('ends the build in the engine when it is cancelled, with nothing left behind', async () => {
    const id = randomUUID();
    const folder = await project({
      Dockerfile: `FROM ${base}\nLABEL slipway-test=${id}\nRUN sleep 300; echo ${id}\n`,
    });
    const controller = new AbortController();
    const asked = request(folder);
    const containers = () => docker('ps', '-a', '--no-trunc', '--format', '{{.Command}}').stdout;
    let running = false;

    const building = builder().buildAndPush(asked, {
      signal: controller.signal,
      onProgress: (line) => {
        running ||= line.startsWith('Step 3/3');
        if (running && line.includes('Running in')) controller.abort(new Error('enough'));
      },
    });

    await expect(building).rejects.toThrow('enough');
    await until(() => !containers().includes(id));
    expect(docker('images', '-q', asked.repository).stdout).toBe('');
  });

  it('keeps one image a repository as cache and takes its tags away', async () => {
    const folder = await project({
      Dockerfile: `FROM ${base}\nRUN echo ${randomUUID()} > /x\nCOPY v /v\n`,
      v: '1',
    });
    const asked = request(folder, { tags: ['a', 'b'] });
    await build(asked);
    await writeFile(join(folder, 'v'), '2');

    const { lines } = await build(asked);

    expect(lines.some((line) => line.includes('Using cache'))).toBe(true);
    expect(docker('images', '-q', asked.repository).stdout).toBe('');
    const cache = `slipway-cache/${asked.repository.replaceAll(/[^a-z0-9]+/g, '-')}`;
    expect(docker('images', '-q', cache).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('takes the layers of cacheFrom from the registry when the engine has none of them', async () => {
    const folder = await project({
      // What the command writes is another each time: an equal content was not made anew.
      Dockerfile: `FROM ${base}\nRUN echo ${randomUUID()} && cat /proc/sys/kernel/random/uuid >/made\nCOPY v /v\n`,
      v: '1',
    });
    const madeIn = ({ repository }: BuildRequest, digest: string) => run(repository, digest, 'cat', '/made');
    const first = request(folder);
    const { image } = await build(first, { buildKit: 'off' });
    const made = await madeIn(first, image.digest);
    emptyEngineOf(first);
    await writeFile(join(folder, 'v'), '2');

    const cached = request(folder, { cacheFrom: [`${first.repository}:1`] });
    const { image: again, lines } = await build(cached, { buildKit: 'off' });
    const madeAgain = await madeIn(cached, again.digest);
    docker('rmi', ...cached.cacheFrom);
    emptyEngineOf(cached);
    const without = request(folder);
    const { image: anew } = await build(without, { buildKit: 'off' });

    expect(lines).toContain(`pulling ${first.repository}:1`);
    expect(lines.some((line) => line.includes('Using cache'))).toBe(true);
    expect(madeAgain).toBe(made);
    // The engine itself had nothing left.
    expect(await madeIn(without, anew.digest)).not.toBe(made);
  });

  it('builds without the cache, and says so, when cacheFrom is not there yet', async () => {
    const folder = await project({ Dockerfile: `FROM ${base}\nRUN echo ${randomUUID()}\n` });
    const asked = request(folder);

    const { image, lines } = await build(
      { ...asked, cacheFrom: [`${asked.repository}:1`] },
      { buildKit: 'off' },
    );

    expect(image.digest).toMatch(/^sha256:/);
    expect(lines.find((line) => line.startsWith('cannot pull'))).toContain(`${asked.repository}:1: `);
  });

  it('passes an error of the agent on as it is', async () => {
    const folder = await project({ Dockerfile: `FROM ${base}\n` });
    const agent = folderAgent(workspace);
    const lost = new AgentError('deleted', 'the pod is gone');
    const failing = build(
      request(folder, {
        agent: {
          ...agent,
          download: (paths, receive, options) => {
            const broken = (stream: Readable) => {
              setImmediate(() => stream.destroy(lost));
              return receive(stream);
            };
            return agent.download(paths, broken, options);
          },
        },
      }),
    );

    await expect(failing).rejects.toBe(lost);
  });

  describe('to a registry in trouble', () => {
    let double: OciRegistryDouble;
    afterEach(() => double.close());
    /** A clock whose sleeps are short. */
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, options) => systemClock.sleep(Math.min(ms, 300), options),
    };
    const requestTo = async (more: Partial<BuildRequest> = {}) => {
      const folder = await project({ Dockerfile: `FROM ${base}\nLABEL slipway-test=${randomUUID()}\n` });
      const { credentials: _none, ...asked } = request(folder, {
        repository: `${double.host}/slipway-test-${randomUUID().slice(0, 8)}/app`,
        ...more,
      });
      return asked;
    };

    it('pushes again after a 5xx, and says so', async () => {
      double = await startOciRegistry();
      double.faults.push({ method: 'PUT', path: /manifests/, times: 2, status: 503 });

      const { image, lines } = await build(await requestTo(), { clock });

      expect(lines.filter((line) => line.includes('trying again'))).toHaveLength(2);
      expect(image.digest).toMatch(/^sha256:/);
    });

    it('gives up when it goes on', async () => {
      double = await startOciRegistry();
      double.faults.push({ method: 'PUT', path: /manifests/, times: 99, status: 500 });

      const failing = build(await requestTo(), { clock });

      await expect(failing).rejects.toThrow(RegistryError);
      await expect(failing).rejects.toMatchObject({ problem: 'unreachable' });
      expect(
        double.requests.filter((one) => one.startsWith('PUT') && one.includes('manifests')),
      ).toHaveLength(5);
    });

    it('tells a tag that may not move as immutable, and does not try again', async () => {
      double = await startOciRegistry();
      const body = JSON.stringify({ errors: [{ code: 'PRECONDITION', message: 'configured as immutable' }] });
      double.faults.push({ method: 'PUT', path: /manifests/, times: 99, status: 412, body });

      const failing = build(await requestTo(), { clock });

      await expect(failing).rejects.toMatchObject({ problem: 'immutable' });
      expect(
        double.requests.filter((one) => one.startsWith('PUT') && one.includes('manifests')),
      ).toHaveLength(1);
    });

    it('gives each of several builds of the same tag at the same time its own image', async () => {
      double = await startOciRegistry();
      const repository = `${double.host}/slipway-test-${randomUUID().slice(0, 8)}/app`;
      const asked = await Promise.all(
        ['one', 'two', 'three', 'four'].map((target) => requestTo({ repository, labels: { target } })),
      );

      const built = await Promise.all(asked.map((one) => build(one, { clock })));

      const path = repository.slice(repository.indexOf('/') + 1);
      const labels = built.map(({ image }) => {
        const manifest = JSON.parse(double.manifests.get(`${path}@${image.digest}`)!.bytes.toString()) as {
          config: { digest: string };
        };
        const config = JSON.parse(double.blobs.get(manifest.config.digest)!.toString()) as {
          config: { Labels: Record<string, string> };
        };
        return config.config.Labels['target'];
      });
      expect(labels).toEqual(['one', 'two', 'three', 'four']);
      const cache = `slipway-cache/${repository.replaceAll(/[^a-z0-9]+/g, '-')}`;
      expect(docker('images', '--format', '{{.Tag}}', cache).stdout).toBe('latest\n');
      expect(docker('images', '-q', repository).stdout).toBe('');
    });
  });

  it('pushes to the mirror that stands for a host', async () => {
    const folder = await project({ Dockerfile: `FROM ${base}\n` });
    const path = `slipway-test-${randomUUID().slice(0, 8)}/app`;
    const resolveHost = (host: string) =>
      host === 'harbor.example.com' ? { url: `http://${login.host}`, credentials } : undefined;
    const mirrored = distributionRegistry({ clock: systemClock, openHttp, resolveHost });
    const { credentials: _none, ...asked } = request(folder, { repository: `harbor.example.com/${path}` });

    const { image } = await build(asked, { resolveHost, registry: mirrored });

    const there = await registry.resolve(
      { repository: `${login.host}/${path}`, tag: '1' },
      { signal, credentials },
    );
    expect(there).toBe(image.digest);
    expect(image.repository).toBe(`harbor.example.com/${path}`);
    await mirrored.close();
  });

  describe('through a port of the agent pod', () => {
    let sidecar: Server;
    beforeAll(async () => {
      sidecar = createServer((socket) => {
        const engine = connectSocket('/var/run/docker.sock');
        socket.pipe(engine).pipe(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => engine.destroy());
        engine.on('error', () => socket.destroy());
      });
      await new Promise<void>((resolve) => sidecar.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => void sidecar.close());

    it.each(['off', 'on'] as const)('builds and pushes (BuildKit %s)', async (buildKit) => {
      const folder = await project({ Dockerfile: `FROM ${base}\nCOPY . /c\n`, big: 'x'.repeat(3_000_000) });
      const { port } = sidecar.address() as { port: number };
      const agent = folderAgent(workspace);

      const { image } = await build(request(folder, { agent }), {
        address: { type: 'sidecar', agent, service: 'docker', port },
        environment: { DOCKER_HOST: 'tcp://127.0.0.1:1' },
        buildKit,
      });

      expect(image.digest).toMatch(/^sha256:/);
    });

    it('leaves no connection open, also when a BuildKit build fails', async () => {
      const folder = await project({ Dockerfile: `FROM ${base}\nRUN false\n` });
      const { port } = sidecar.address() as { port: number };
      const agent = folderAgent(workspace);

      const failing = build(request(folder, { agent }), {
        address: { type: 'sidecar', agent, service: 'docker', port },
        buildKit: 'on',
      });

      await expect(failing).rejects.toThrow(BuildError);
      const connections = () =>
        new Promise<number>((resolve) => sidecar.getConnections((_, count) => resolve(count)));
      while ((await connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    });

    it('tells a service that does not answer', async () => {
      const agent = folderAgent(workspace);
      const folder = await project({ Dockerfile: `FROM ${base}\n` });

      const failing = build(request(folder), {
        address: { type: 'sidecar', agent, service: 'docker', port: 1 },
      });

      await expect(failing).rejects.toThrow(BuilderUnavailableError);
      await expect(failing).rejects.toThrow(/port 1 of the service docker in the agent pod does not answer/);
    });
  });

  describe('over TCP with TLS', () => {
    let engine: TlsServer;
    const open = new Set<Socket>();
    let certificates: Record<'ca' | 'cert' | 'key', Buffer>;
    let folder: string;

    beforeAll(async () => {
      folder = join(workspace, 'tls');
      await mkdir(folder);
      makeCertificates(folder);
      const [ca, cert, key] = await Promise.all(
        ['ca', 'cert', 'key'].map((name) => readFile(join(folder, `${name}.pem`))),
      );
      certificates = { ca: ca!, cert: cert!, key: key! };
      engine = createTlsServer({ ...certificates, requestCert: true, rejectUnauthorized: true }, (socket) => {
        const plain = connectSocket('/var/run/docker.sock');
        open.add(socket);
        socket.pipe(plain).pipe(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => plain.destroy());
        plain.on('error', () => socket.destroy());
      });
      await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => {
      for (const socket of open) socket.destroy();
      engine.close();
    });

    const host = () => `tcp://127.0.0.1:${String((engine.address() as { port: number }).port)}`;

    it('builds and pushes with the certificates that are given', async () => {
      const project1 = await project({ Dockerfile: `FROM ${base}\nCOPY . /c\n` });
      const { ca, cert: certificate, key } = certificates;

      const { image } = await build(request(project1), {
        address: { type: 'host', host: host(), certificates: { ca, certificate, key } },
      });

      expect(image.digest).toMatch(/^sha256:/);
    });

    it('builds and pushes with those of DOCKER_CERT_PATH', async () => {
      const environment = { DOCKER_HOST: host(), DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder };

      expect(await builder({ environment }).unavailable({ signal })).toBeUndefined();
    });

    it('trusts no other certificate, and is told so', async () => {
      const { cert: certificate, key } = certificates;

      const why = await builder({
        address: { type: 'host', host: host(), certificates: { certificate, key } },
      }).unavailable({ signal });

      expect(why).toMatch(/does not answer: .*certificate/);
    });
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come true');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** One authority, and one certificate for both sides. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => {
    const made = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr);
  };
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test-ca',
    '-days',
    '2',
  );
  openssl(
    'req',
    ...key,
    '-keyout',
    'key.pem',
    '-out',
    'csr.pem',
    '-subj',
    '/CN=docker',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  );
  const signed = [
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca-key.pem',
    '-CAcreateserial',
    '-copy_extensions',
    'copy',
    '-days',
    '2',
  ];
  openssl('x509', '-req', '-in', 'csr.pem', '-out', 'cert.pem', ...signed);
}
