import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { openBuildContext } from '../../src/adapters/build-context/open-build-context.ts';
import { layersBuilder, type LayersBuilderOptions } from '../../src/adapters/oci/layers/layers-builder.ts';
import { openHttpClients } from '../../src/adapters/http/open-http-client.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { BuildError, type BuildRequest } from '../../src/ports/builder.ts';
import { RegistryError } from '../../src/ports/registry.ts';
import { folderAgent } from '../fakes/folder-agent.ts';
import { startOciRegistry, type OciRegistryDouble, type OciRegistryOptions } from '../fakes/oci-registry.ts';
import { docker, findRealDocker } from '../fakes/real-docker.ts';

const openHttp = openHttpClients(systemClock, process.env);

const signal = AbortSignal.timeout(120_000);
const real = findRealDocker();
if ('missing' in real) console.log(`skipped, builder layers with a real engine: ${real.missing}`);

let workspace: string;
beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'builder-layers-'));
});
afterAll(() => rm(workspace, { recursive: true }));

const project = async (files: Record<string, string>) => {
  const folder = join(workspace, randomUUID());
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
};

const requestFor = (
  repository: string,
  contextDirectory: string,
  more: Partial<BuildRequest> = {},
): BuildRequest => ({
  agent: folderAgent(workspace),
  contextDirectory,
  dockerfile: 'Dockerfile',
  repository,
  tags: ['1'],
  buildArguments: {},
  labels: {},
  cacheFrom: [],
  ...more,
});

const buildIt = async (request: BuildRequest, more: Partial<LayersBuilderOptions> = {}) => {
  const lines: string[] = [];
  const builder = layersBuilder({
    clock: systemClock,
    openHttp,
    openContext: openBuildContext,
    missingBase: 'fail',
    ...more,
  });
  const image = await builder.buildAndPush(request, { signal, onProgress: (line) => void lines.push(line) });
  return { image, lines };
};

interface ImageSeen {
  manifest: {
    layers: { digest: string; mediaType: string }[];
    annotations?: Record<string, string>;
    config: { digest: string };
  };
  config: {
    created: string;
    config: Record<string, unknown>;
    rootfs: { diff_ids: string[] };
    history: { created_by: string; empty_layer?: boolean }[];
  };
  /** Files of all layers, later ones over earlier ones. */
  files: Map<string, Header & { content: string }>;
}

const look = async (registry: OciRegistryDouble, path: string, version = '1'): Promise<ImageSeen> => {
  const stored = registry.manifests.get(`${path}:${version}`)!;
  const manifest = JSON.parse(stored.bytes.toString()) as ImageSeen['manifest'];
  const config = JSON.parse(registry.blobs.get(manifest.config.digest)!.toString()) as ImageSeen['config'];
  const files: ImageSeen['files'] = new Map();
  for (const layer of manifest.layers) {
    const tar = extract();
    tar.end(gunzipSync(registry.blobs.get(layer.digest)!));
    for await (const entry of tar) {
      let content = '';
      for await (const chunk of entry) content += String(chunk);
      files.set(entry.header.name, { ...entry.header, content });
    }
  }
  return { manifest, config, files };
};

describe('builder layers', () => {
  let registry: OciRegistryDouble;
  const start = async (options: OciRegistryOptions = {}) => {
    registry = await startOciRegistry(options);
    return registry;
  };
  afterEach(() => registry.close());

  const build = async (
    files: Record<string, string>,
    more: Partial<BuildRequest> = {},
    options: Partial<LayersBuilderOptions> = {},
  ) => buildIt(requestFor(`${registry.host}/shop/web`, await project(files), more), options);

  it('makes an image of files on nothing', async () => {
    await start();

    const { image } = await build(
      {
        Dockerfile: [
          'FROM scratch',
          'ARG PORT=80',
          'ENV PORT=$PORT NAME="two words" OLD=${NAME:-none}',
          'LABEL team=shop',
          'WORKDIR /srv/app',
          'COPY --chmod=755 bin/ ./bin/',
          'COPY a.txt b.txt ./',
          'USER 1000:1000',
          'EXPOSE $PORT 90/udp',
          'VOLUME /data',
          'STOPSIGNAL SIGQUIT',
          'HEALTHCHECK --interval=5s --retries=3 CMD wget localhost',
          'ENTRYPOINT ["./bin/run"]',
          'CMD ["--port", "$PORT"]',
        ].join('\n'),
        'bin/run': '#!',
        'a.txt': 'A',
        'b.txt': 'B',
        'c.txt': 'C',
      },
      {
        tags: ['1', 'latest'],
        buildArguments: { PORT: '8080' },
        labels: { 'org.opencontainers.image.revision': 'abc' },
      },
    );

    const { manifest, config, files } = await look(registry, 'shop/web');
    expect(config.config).toEqual({
      Env: ['PORT=8080', 'NAME=two words', 'OLD=none'],
      Labels: { 'org.opencontainers.image.revision': 'abc', team: 'shop' },
      WorkingDir: '/srv/app',
      User: '1000:1000',
      ExposedPorts: { '8080/tcp': {}, '90/udp': {} },
      Volumes: { '/data': {} },
      StopSignal: 'SIGQUIT',
      Healthcheck: { Test: ['CMD-SHELL', 'wget localhost'], Interval: 5_000_000_000, Retries: 3 },
      Entrypoint: ['./bin/run'],
      Cmd: ['--port', '$PORT'],
    });
    expect([...files.keys()]).toEqual([
      'srv/',
      'srv/app/',
      'srv/app/bin/',
      'srv/app/bin/run',
      'srv/app/a.txt',
      'srv/app/b.txt',
    ]);
    expect(files.get('srv/app/bin/run')).toMatchObject({ mode: 0o755, uid: 0, gid: 0, content: '#!' });
    expect(files.get('srv/app/a.txt')?.mtime.getTime()).toBe(0);
    expect(manifest.annotations).toEqual({ 'org.opencontainers.image.revision': 'abc' });
    expect(config.rootfs.diff_ids).toHaveLength(2);
    expect(config.history.filter((one) => one.empty_layer !== true)).toHaveLength(2);
    expect(registry.manifests.get('shop/web:latest')).toBe(
      registry.manifests.get(`shop/web@${image.digest}`),
    );
  });

  it('gives the same digest for the same input, whenever and wherever it lies, and another for another', async () => {
    await start();
    const files = {
      Dockerfile: 'FROM scratch\nCOPY . /app\n',
      'z/b.txt': 'b',
      'z/ä.txt': 'ä',
      'a.txt': 'a',
      [`${'long/'.repeat(30)}name`]: 'far down',
    };
    const first = await build(files);
    const folder = await project(Object.fromEntries(Object.entries(files).reverse()));
    await utimes(join(folder, 'a.txt'), 1, 1);

    const second = await buildIt(requestFor(`${registry.host}/shop/other`, folder));
    const third = await build({ ...files, 'a.txt': 'A' });
    const dated = await build(files, { buildArguments: { SOURCE_DATE_EPOCH: '1000000000' } });

    expect(second.image.digest).toBe(first.image.digest);
    expect(third.image.digest).not.toBe(first.image.digest);
    expect(dated.image.digest).not.toBe(first.image.digest);
    const { config, files: seen } = await look(registry, 'shop/web');
    expect(config.created).toBe('2001-09-09T01:46:40.000Z');
    expect(seen.get('app/a.txt')?.mtime).toEqual(new Date(1_000_000_000_000));
  });

  it('sends nothing again that the registry has', async () => {
    await start();
    const files = {
      Dockerfile: 'FROM scratch\nCOPY lib /lib\nCOPY app /app\n',
      'lib/x': 'x'.repeat(5000),
      'app/y': '1',
    };
    await build(files);
    const before = registry.received();
    await build(files);
    expect(registry.received()).toBe(before);

    const { lines } = await build({ ...files, 'app/y': '2' });

    expect(lines.filter((line) => line.endsWith('already there'))).toHaveLength(1);
  });

  it('copies from stages by name and number, builds no stage that is not needed, and ends at the target', async () => {
    await start();

    await build(
      {
        Dockerfile: [
          'ARG BASE=scratch',
          'FROM ${BASE} AS Files',
          'COPY . /all',
          'ENV FROM_FILES=1',
          'FROM scratch',
          'COPY --from=files /all/a.txt /one/',
          'FROM files AS unused',
          'RUN make',
          'FROM files AS wanted',
          'COPY --from=1 /one/a.txt /copy.txt',
          'FROM scratch AS last',
        ].join('\n'),
        'a.txt': 'A',
      },
      { target: 'wanted' },
    );

    const { config, files } = await look(registry, 'shop/web');
    expect([...files.keys()]).toEqual(
      ['all/', 'all/.dockerignore', 'all/Dockerfile', 'all/a.txt', 'copy.txt'].filter(
        (name) => name !== 'all/.dockerignore',
      ),
    );
    expect(files.get('copy.txt')?.content).toBe('A');
    expect(config.config['Env']).toEqual(['FROM_FILES=1']);
  });

  it('respects .dockerignore, and hides the Dockerfile where it says so', async () => {
    await start();

    await build({
      Dockerfile: 'FROM scratch\nCOPY . /c\n',
      '.dockerignore': '*\n!src\nsrc/*.tmp\n',
      'src/a.js': '1',
      'src/x.tmp': '2',
      'other.txt': '3',
    });

    const { files } = await look(registry, 'shop/web');
    expect([...files.keys()]).toEqual(['c/', 'c/src/', 'c/src/a.js']);
  });

  it('keeps modes and symbolic links, and makes files of hard links', async () => {
    await start();
    const folder = await project({
      Dockerfile: 'FROM scratch\nCOPY d /d\nCOPY d/link /followed\n',
      'd/run': 'x',
    });
    await chmod(join(folder, 'd/run'), 0o750);
    await symlink('run', join(folder, 'd/link'));
    await link(join(folder, 'd/run'), join(folder, 'd/same'));

    await buildIt(requestFor(`${registry.host}/shop/web`, folder));

    const { files } = await look(registry, 'shop/web');
    expect(files.get('d/run')).toMatchObject({ type: 'file', mode: 0o750, content: 'x' });
    expect(files.get('d/same')).toMatchObject({ type: 'file', mode: 0o750, content: 'x' });
    expect(files.get('d/link')).toMatchObject({ type: 'symlink', linkname: 'run' });
    expect(files.get('followed')).toMatchObject({ type: 'file', content: 'x' });
  });

  it.each([
    ['RUN make', /line 2: RUN: the layers builder runs no commands/],
    ['ONBUILD COPY . /x', /line 2: ONBUILD: it is not known to the layers builder/],
    ['CPOY a /x', /line 2: CPOY: it is not known/],
    ['COPY --parents a /x', /line 2: COPY: --parents is not known/],
    ['COPY missing /x', /line 2: COPY: missing is not in the source/],
    ['COPY *.none /x', /line 2: COPY: \*\.none is not in the source/],
    ['COPY a', /line 2: COPY: it needs a source and a destination/],
    ['COPY a b /x', /line 2: COPY: several files are copied: \/x has to end with \//],
    ['COPY --chown=nobody a /x', /line 2: COPY: --chown: "nobody" is not in \/etc\/passwd/],
    ['COPY --chmod=u+x a /x', /line 2: COPY: --chmod=u\+x is not an octal number/],
    ['COPY <<EOF /x\nhello\nEOF', /line 2: COPY: here-documents/],
    ['ADD https://example.com/x /x', /line 2: ADD: the layers builder fetches nothing/],
    ['ADD x.tgz /x', /line 2: ADD: \/x is an archive, which ADD unpacks/],
    ['ENV A', /line 2: ENV: A has no value/],
    ['ENV A=${B', /line 2: ENV: the substitution of B is not closed/],
    ['EXPOSE http', /line 2: EXPOSE: "http" is not a port/],
    ['HEALTHCHECK --interval=x CMD y', /line 2: HEALTHCHECK: --interval/],
    ['FROM a b', /line 2: FROM: write it like/],
  ])('refuses %j with its line', async (instruction, message) => {
    await start();

    const failing = build(
      { Dockerfile: `FROM scratch\n${instruction}\n`, a: '', b: '', 'x.tgz': 'BZh9' },
      {},
    );

    await expect(failing).rejects.toThrow(BuildError);
    await expect(failing).rejects.toThrow(message);
  });

  describe('on a base image', () => {
    const base = async (
      path = 'library/base',
      files: Record<string, string> = {
        'etc/passwd': 'web:x:33:44::/:\n',
        'etc/group': 'staff:x:50:\n',
        'opt/tool': 'T',
      },
    ) => {
      await buildIt(
        requestFor(
          `${registry.host}/${path}`,
          await project({
            ...files,
            Dockerfile: 'FROM scratch\nCOPY etc /etc\nCOPY opt /opt\nENV PATH=/bin\nCMD ["base"]\nUSER web\n',
          }),
        ),
      );
      return `${registry.host}/${path}:1`;
    };

    it('goes on from its configuration and mounts its layers', async () => {
      await start();
      const name = await base();
      const before = registry.received();

      const { lines } = await build({ Dockerfile: `FROM ${name}\nENV A=$PATH:/x\n`, a: 'A' });

      const { manifest, config } = await look(registry, 'shop/web');
      expect(config.config).toMatchObject({ Env: ['PATH=/bin', 'A=/bin:/x'], Cmd: ['base'], User: 'web' });
      expect(manifest.layers).toHaveLength(2);
      expect(lines.filter((line) => line.includes('mounted from library/base'))).toHaveLength(2);
      expect(registry.received() - before).toBeLessThan(2000);
      expect(manifest.annotations).toMatchObject({ 'org.opencontainers.image.base.name': name });
      expect(manifest.annotations?.['org.opencontainers.image.base.digest']).toMatch(/^sha256:/);
      expect(config.config['Labels']).toBeUndefined();
    });

    it('takes an inherited CMD away with ENTRYPOINT, and keeps one of its own', async () => {
      await start();
      const name = await base();

      await build({ Dockerfile: `FROM ${name}\nENTRYPOINT ["e"]\n` });
      expect((await look(registry, 'shop/web')).config.config).toMatchObject({
        Entrypoint: ['e'],
        Cmd: null,
      });

      await build({ Dockerfile: `FROM ${name}\nCMD own command\nENTRYPOINT ["e"]\n` });
      expect((await look(registry, 'shop/web')).config.config).toMatchObject({
        Cmd: ['/bin/sh', '-c', 'own command'],
      });
    });

    it('streams its layers over when it lies in another registry', async () => {
      const other = await startOciRegistry({ auth: 'basic', user: { username: 'u', password: 'p' } });
      await start();
      const foreign = registry;
      registry = other;
      const credentials = { username: 'u', password: 'p' };
      const folder = await project({
        Dockerfile: `FROM ${foreign.host}/library/base:1\nCOPY a /a\n`,
        a: 'A',
      });
      registry = foreign;
      await base();
      registry = other;

      await buildIt(requestFor(`${other.host}/shop/web`, folder, { credentials }));

      const { files } = await look(other, 'shop/web');
      expect([...files.keys()]).toEqual(expect.arrayContaining(['etc/passwd', 'opt/tool', 'a']));
      await foreign.close();
    });

    it('knows its users, its folders and its links', async () => {
      await start();
      const folder = await project({
        Dockerfile: 'FROM scratch\nCOPY . /\n',
        'etc/passwd': 'web:x:33:44::/:\n',
        'etc/group': 'staff:x:50:\n',
        'usr/bin/sh': '',
      });
      await symlink('usr/bin', join(folder, 'bin'));
      await mkdir(join(folder, 'tmp'));
      await chmod(join(folder, 'tmp'), 0o1777);
      await buildIt(requestFor(`${registry.host}/library/base`, folder));

      await build({
        Dockerfile: `FROM ${registry.host}/library/base:1\nCOPY --chown=web:staff a /bin\nCOPY --chown=web a /tmp/new/a\nCOPY a /plain\n`,
        a: 'A',
      });

      const { files } = await look(registry, 'shop/web');
      expect(files.get('usr/bin/a')).toMatchObject({ uid: 33, gid: 50 });
      expect(files.has('bin/a')).toBe(false);
      expect(files.get('bin')).toMatchObject({ type: 'symlink' });
      expect(files.get('tmp/')?.mode).toBe(0o1777);
      expect(files.get('tmp/new/a')).toMatchObject({ uid: 33, gid: 33 });
      expect(files.get('plain')?.content).toBe('A');
    });

    it('copies files out of it and out of other images', async () => {
      await start();
      const name = await base();

      await build({
        Dockerfile: `FROM ${name} AS tools\nFROM scratch\nCOPY --from=tools /opt/tool /t1\nCOPY --from=${name} /opt /t2\n`,
      });

      const { files } = await look(registry, 'shop/web');
      expect([...files].map(([path, { content }]) => [path, content])).toEqual([
        ['t1', 'T'],
        ['t2/', ''],
        ['t2/tool', 'T'],
      ]);
    });

    it('says plainly that its registry does not have it', async () => {
      await start();

      const failing = build({ Dockerfile: `FROM ${registry.host}/library/none:9\n` });

      await expect(failing).rejects.toThrow(BuildError);
      await expect(failing).rejects.toThrow(
        /line 1: FROM: 127.0.0.1:\d+ does not have the image .*\/library\/none:9/,
      );
    });

    it('lets an empty one stand for it where that is wanted, and passes its name on', async () => {
      await start();
      const options = {
        missingBase: 'empty',
        resolveHost: () => ({ url: `http://${registry.host}` }),
      } as const;
      const files = { Dockerfile: 'FROM node:24 AS base\nFROM base\nWORKDIR /app\nCOPY a .\n', a: 'A' };

      const { lines } = await build(files, { repository: 'harbor.example.com/shop/web' }, options);

      const { manifest, config, files: seen } = await look(registry, 'shop/web');
      expect(config.config['Labels']).toEqual({ 'org.opencontainers.image.base.name': 'node:24' });
      expect(manifest.annotations).toEqual({ 'org.opencontainers.image.base.name': 'node:24' });
      expect([...seen.keys()]).toEqual(['app/', 'app/a']);
      expect(lines).toContain('[base] node:24 is not in its registry: using an empty image instead');
    });

    it('takes the image for the platform out of an index', async () => {
      await start();
      const name = await base();
      const stored = registry.manifests.get('library/base:1')!;
      const [key] = [...registry.manifests.keys()].filter((one) => one.startsWith('library/base@'));
      const index = {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [
          {
            mediaType: stored.mediaType,
            digest: key!.split('@')[1],
            size: stored.bytes.length,
            platform: { os: 'linux', architecture: 'riscv64' },
          },
        ],
      };
      registry.manifests.set('library/base:1', {
        mediaType: index.mediaType,
        bytes: Buffer.from(JSON.stringify(index)),
      });

      await build({ Dockerfile: `FROM ${name}\n` }, { platform: 'linux/riscv64' });
      const failing = build({ Dockerfile: `FROM ${name}\n` }, { platform: 'linux/s390x' });

      await expect(failing).rejects.toThrow(/is not available for linux\/s390x, only for linux\/riscv64/);
    });
  });

  it('tells a wrong password as unauthorized and leaves nothing on disk', async () => {
    await start({ auth: 'bearer', user: { username: 'u', password: 'p' } });
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith('slipway-layers-'));

    const failing = build(
      { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: '' },
      { credentials: { username: 'u', password: 'wrong' } },
    );

    await expect(failing).rejects.toThrow(RegistryError);
    await expect(failing).rejects.toMatchObject({ problem: 'unauthorized' });
    const after = (await readdir(tmpdir())).filter((name) => name.startsWith('slipway-layers-'));
    expect(after).toEqual(before);
  });
});

('missing' in real ? describe.skip : describe)('an image made by layers', () => {
  it('runs under a real engine, on a real base image, with what it was given', async () => {
    if ('missing' in real) return;
    const { host, username, password } = real.registry;
    const credentials = { username, password };
    const id = `slipway-test-${randomUUID().slice(0, 8)}`;
    const base = `${host}/${id}/base:1`;
    const config = join(workspace, 'docker-config');
    await mkdir(config, { recursive: true });
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    await writeFile(join(config, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
    docker('tag', real.base, base);
    expect(docker('--config', config, 'push', base)).toMatchObject({ status: 0 });
    const folder = await project({
      Dockerfile: `FROM ${base}\nENV WORD="two words"\nWORKDIR /srv/app\nCOPY --chmod=755 --chown=1000 run.sh ./\nCOPY data /srv/data\nUSER 1000\nENTRYPOINT ["./run.sh"]\nCMD ["x"]\n`,
      'run.sh':
        '#!/bin/sh\necho "$WORD $1 $(id -u) $(pwd)"; cat /srv/data/deep/file; ls -ld /srv/app/run.sh /srv/data/deep\n',
      'data/deep/file': 'content\n',
    });
    const repository = `${host}/${id}/app`;

    const { image } = await buildIt(requestFor(repository, folder, { credentials }));

    const name = `${repository}@${image.digest}`;
    expect(docker('--config', config, 'pull', name)).toMatchObject({ status: 0 });
    const ran = docker('run', '--rm', name);
    docker('rmi', name, base);
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toMatch(
      /^two words x 1000 \/srv\/app\ncontent\n-rwxr-xr-x .* 1000 +1000 .*run\.sh\ndrwxr-xr-x .*deep\n$/,
    );
  });
});
