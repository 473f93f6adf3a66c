import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Pod } from '../../src/sandbox/kubelet/pod-types.ts';
import { startRegistry } from '../../src/sandbox/registry/registry.ts';
import type { Registry } from '../../src/sandbox/registry/registry.ts';
import type { SandboxNode } from '../support/sandbox-node.ts';
import { startSandboxNode } from '../support/sandbox-node.ts';

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const manifestValue = 'application/vnd.oci.image.manifest.v1+json';

/** A client of a registry with its login. */
function clientOf({ address, credentials }: Registry) {
  const login = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  const send = (path: string, init: RequestInit & { login?: string } = {}) =>
    fetch(path.startsWith('http') ? path : `http://${address}${path}`, {
      ...init,
      headers: { authorization: `Basic ${init.login ?? login}`, ...(init.headers as Record<string, string>) },
    });

  async function pushBlob(repository: string, bytes: Buffer): Promise<string> {
    const answer = await send(`/v2/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`, {
      method: 'POST',
      body: new Uint8Array(bytes),
    });
    expect(answer.status).toBe(201);
    return digestOf(bytes);
  }

  async function pushManifest(repository: string, tag: string, manifest: unknown): Promise<string> {
    const answer = await send(`/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      body: JSON.stringify(manifest),
      headers: { 'content-type': manifestValue },
    });
    expect(answer.status).toBe(201);
    return answer.headers.get('docker-content-digest') ?? '';
  }

  /** Pushes an image of one layer. */
  async function pushImage(
    repository: string,
    tag: string,
    files: Record<string, string>,
    config: Record<string, unknown>,
  ): Promise<string> {
    const tar = pack();
    for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o755 }, content);
    tar.finalize();
    const layer = gzipSync(await buffer(tar));
    const settings = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config,
        rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      }),
    );
    const describeBlob = async (bytes: Buffer, mediaType: string) => ({
      mediaType,
      digest: await pushBlob(repository, bytes),
      size: bytes.length,
    });
    return pushManifest(repository, tag, {
      schemaVersion: 2,
      mediaType: manifestValue,
      config: await describeBlob(settings, 'application/vnd.oci.image.config.v1+json'),
      layers: [await describeBlob(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')],
    });
  }

  return { send, pushBlob, pushManifest, pushImage };
}

describe("the sandbox's registry", () => {
  const folder = mkdtempSync(join(tmpdir(), 'registry-'));
  let registry: Registry;
  let client: ReturnType<typeof clientOf>;
  beforeAll(async () => {
    registry = await startRegistry({ folder });
    client = clientOf(registry);
  });
  afterAll(async () => {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lets in only who has the login', async () => {
    const wrong = await client.send('/v2/', { login: Buffer.from('sandbox:wrong').toString('base64') });

    expect(wrong.status).toBe(401);
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    expect((await client.send('/v2/')).status).toBe(200);
  });

  it('takes a blob in chunks, in order only, and gives it back whole', async () => {
    const bytes = randomBytes(300_000);
    const started = await client.send('/v2/chunked/blobs/uploads/', { method: 'POST' });
    let location = started.headers.get('location') ?? '';
    const chunk = (from: number, to: number) =>
      client.send(location, {
        method: 'PATCH',
        body: new Uint8Array(bytes.subarray(from, to)),
        headers: { 'content-range': `${from}-${to - 1}` },
      });

    const first = await chunk(0, 100_000);
    const outOfOrder = await chunk(200_000, 300_000);
    location = first.headers.get('location') ?? '';
    await chunk(100_000, 300_000);
    const finished = await client.send(`${location}?digest=${digestOf(bytes)}`, { method: 'PUT' });

    expect([started.status, first.status, outOfOrder.status, finished.status]).toEqual([202, 202, 416, 201]);
    expect(first.headers.get('range')).toBe('0-99999');
    const path = `/v2/chunked/blobs/${digestOf(bytes)}`;
    expect(Buffer.from(await (await client.send(path)).arrayBuffer()).equals(bytes)).toBe(true);
    expect((await client.send(path, { method: 'HEAD' })).headers.get('content-length')).toBe('300000');
  });

  it.each([
    ['/v2/a/blobs/uploads/?mount=sha256:DIGEST&from=../../x', 'POST', 400],
    ['/v2/a/blobs/uploads/?mount=sha256:DIGEST&from=/etc', 'POST', 400],
    ['/v2/a/manifests/%ZZ', 'GET', 400],
    ['/v2/%ZZ/manifests/x', 'GET', 400],
    ['/v2/a/manifests/..%2F..%2Fx', 'GET', 404],
    ['//v2/', 'GET', 404],
    ['//', 'GET', 404],
    ['/v2//a/manifests/x', 'GET', 400],
  ])('answers %s with a refusal', async (path, method, status) => {
    const [host = '', port] = registry.address.split(':');
    const login = Buffer.from(`${registry.credentials.username}:${registry.credentials.password}`);
    const headers = { authorization: `Basic ${login.toString('base64')}` };
    // Node's fetch would put the path in order.
    const sent = request({ host, port, method, headers, path: path.replace('DIGEST', 'a'.repeat(64)) }).end();

    const [answer] = (await once(sent, 'response')) as [IncomingMessage];

    expect([answer.statusCode, JSON.parse(await text(answer))]).toEqual([
      status,
      { errors: [{ code: expect.any(String), message: expect.any(String) }] },
    ]);
  });

  it('refuses content that has another digest than said, and keeps nothing of it', async () => {
    const claimed = digestOf(Buffer.from('other'));

    const answer = await client.send(`/v2/wrong/blobs/uploads/?digest=${claimed}`, {
      method: 'POST',
      body: 'content',
    });

    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ errors: [{ code: 'DIGEST_INVALID' }] });
    expect((await client.send(`/v2/wrong/blobs/${claimed}`)).status).toBe(404);
  });

  it('mounts a blob of another repository without taking its bytes again', async () => {
    const digest = await client.pushBlob('from', Buffer.from('shared'));

    const mounted = await client.send(`/v2/to/blobs/uploads/?mount=${digest}&from=from`, { method: 'POST' });
    const unknown = await client.send(
      `/v2/to/blobs/uploads/?mount=${digestOf(Buffer.from('no'))}&from=from`,
      { method: 'POST' },
    );

    expect(mounted.status).toBe(201);
    expect(unknown.status).toBe(202);
    expect(await (await client.send(`/v2/to/blobs/${digest}`)).text()).toBe('shared');
  });

  it('lists tags, and refuses deletion by name', async () => {
    for (const tag of ['b', 'a', 'c']) await client.pushImage('team/app', tag, { f: tag }, {});

    const all = (await (await client.send('/v2/team/app/tags/list')).json()) as { tags: string[] };
    const deletion = await client.send('/v2/team/app/manifests/b', { method: 'DELETE' });

    expect(all.tags).toEqual(['a', 'b', 'c']);
    expect(deletion.status).toBe(405);
    expect(await deletion.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    expect((await client.send('/v2/team/app/manifests/a', { method: 'HEAD' })).status).toBe(200);
  });

  it('refuses a manifest whose blobs are not there', async () => {
    const config = { mediaType: 'x', digest: digestOf(Buffer.from('none')), size: 1 };

    const answer = await client.send('/v2/team/app/manifests/broken', {
      method: 'PUT',
      body: JSON.stringify({ schemaVersion: 2, config, layers: [] }),
    });

    expect(await answer.json()).toMatchObject({ errors: [{ code: 'MANIFEST_BLOB_UNKNOWN' }] });
  });

  it('has the same port, login and content when it is started again', async () => {
    const digest = await client.pushImage('team/kept', 'v1', { f: '1' }, {});
    const { address, credentials } = registry;
    await registry.close();

    registry = await startRegistry({ folder });
    // Connections to the closed one fail once.
    await client.send('/v2/').catch(() => undefined);

    expect(registry).toMatchObject({ address, credentials });
    expect((await client.send('/v2/team/kept/manifests/v1')).headers.get('docker-content-digest')).toBe(
      digest,
    );
  });
});

describe.each(['auto', 'none'] as const)('pods from images of the registry (isolation %s)', (isolation) => {
  let node: SandboxNode;
  beforeAll(async () => {
    node = await startSandboxNode(isolation);
  });
  afterAll(async () => {
    await node.close();
  });
  const hasEnded = (pod: Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

  it('run on top of the machine, by whatever registry they are named', async () => {
    const files = {
      'app/run.js': 'console.log(process.env.GREETING, process.cwd().split("/").at(-1), process.argv[2])',
    };
    const config = {
      Entrypoint: ['node', 'run.js'],
      Cmd: ['default'],
      WorkingDir: '/app',
      Env: ['GREETING=hello'],
    };
    const digest = await clientOf(node.registry).pushImage('shop/web', '1.0', files, config);

    node.createPod('tagged', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: 'harbor.example.com/shop/web:1.0' }],
    });
    node.createPod('pinned', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: `other.example.com/shop/web@${digest}`, args: ['given'] }],
    });
    const pod = await node.until('tagged', hasEnded);
    await node.until('pinned', hasEnded);

    expect(await node.log('tagged')).toBe('hello app default\n');
    expect(await node.log('pinned')).toBe('hello app given\n');
    expect(pod.status?.containerStatuses?.[0]?.imageID).toBe(`shop/web@${digest}`);
    expect(node.events('ImageStandIn')).toEqual([]);
  });

  it('do not see what another container wrote into the same image', async () => {
    await clientOf(node.registry).pushImage(
      'shop/notes',
      '1',
      { 'notes/old': 'x' },
      { WorkingDir: '/notes' },
    );
    const spec = (script: string): Partial<Pod['spec']> => ({
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: 'shop/notes:1', command: ['sh', '-c', script] }],
    });
    node.createPod('writes', spec('echo new > new; ls'));
    await node.until('writes', hasEnded);
    node.createPod('reads', spec('ls'));
    await node.until('reads', hasEnded);

    expect(await node.log('writes')).toBe('new\nold\n');
    expect(await node.log('reads')).toBe('old\n');
  });

  it('bring programs of their own', async () => {
    const files = { 'usr/local/bin/greet': '#!/bin/sh\necho hello from the image\n' };
    await clientOf(node.registry).pushImage('shop/tool', '1', files, { Cmd: ['greet'] });

    node.createPod('greets', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: 'shop/tool:1' }],
    });
    await node.until('greets', hasEnded);

    expect(await node.log('greets')).toBe('hello from the image\n');
  });

  it('are refused when the repository is known and the tag is not', async () => {
    await clientOf(node.registry).pushImage('shop/known', '1', { f: '' }, {});
    node.createPod('unknown', { containers: [{ name: 'main', image: 'harbor.example.com/shop/known:2' }] });

    const pod = await node.until(
      'unknown',
      (one) => one.status?.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImagePull',
    );

    expect(pod.status?.containerStatuses?.[0]?.state.waiting?.message).toContain('manifest unknown');
  });
});
