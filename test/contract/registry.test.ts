import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { hasBlob, readBlob } from '../../src/adapters/oci/blobs.ts';
import { distributionRegistry } from '../../src/adapters/oci/distribution-registry.ts';
import { putManifest, readManifest } from '../../src/adapters/oci/manifests.ts';
import { RegistryHttp } from '../../src/adapters/oci/registry-http.ts';
import { uploadBlob, type BlobSource } from '../../src/adapters/oci/upload-blob.ts';
import { openHttpClients } from '../../src/adapters/http/open-http-client.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { startOciRegistry, type OciRegistryDouble, type OciRegistryOptions } from '../fakes/oci-registry.ts';
import { findRealDocker } from '../fakes/real-docker.ts';

const openHttp = openHttpClients(systemClock, process.env);

const real = findRealDocker();
if ('missing' in real) console.log(`skipped, a real registry: ${real.missing}`);

interface Place {
  host: string;
  credentials?: { username: string; password: string };
  double?: OciRegistryDouble;
}

const user = { username: 'robot$ci', password: 'pa:ss word' };
const started: OciRegistryDouble[] = [];
const startDouble = async (options: OciRegistryOptions): Promise<Place> => {
  const double = await startOciRegistry(options);
  started.push(double);
  return { host: double.host, double, ...(options.user && { credentials: options.user }) };
};
afterEach(async () => {
  await Promise.all(started.splice(0).map((double) => double.close()));
});

/** A clock whose sleeps are over at once, but noted. */
const quickClock = () => {
  const sleeps: number[] = [];
  const clock: Clock = { ...systemClock, sleep: (ms) => (sleeps.push(ms), Promise.resolve()) };
  return { clock, sleeps };
};

const places: [string, () => Promise<Place>][] = [
  ['an open registry', () => startDouble({})],
  ['a registry with basic login', () => startDouble({ auth: 'basic', user })],
  ['a registry with a token server', () => startDouble({ auth: 'bearer', user })],
  ['a registry that leaves digests out', () => startDouble({ withoutDigestHeader: true })],
];
if (!('missing' in real)) {
  const { host, username, password } = real.registry;
  places.push(['a real registry', () => Promise.resolve({ host, credentials: { username, password } })]);
}

const signal = AbortSignal.timeout(60_000);
const blobOf = (bytes: Buffer): BlobSource => ({
  digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  size: bytes.length,
  open: (start, end) => Readable.from([bytes.subarray(start, end)], { objectMode: false }),
});

describe.each(places)('registry client on %s', (_name, start) => {
  let place: Place;
  let http: RegistryHttp;
  beforeAll(async () => {
    place = await start();
    started.splice(0);
    http = new RegistryHttp({ clock: systemClock, openHttp });
  });
  afterAll(async () => {
    await http.close();
    await place.double?.close();
  });
  const repository = (path = `slipway-test-${randomUUID().slice(0, 8)}/app`) => ({
    host: place.host,
    path,
    ...(place.credentials && { credentials: place.credentials }),
  });

  it('pushes an image and finds it by its tag, and nothing where there is none', async () => {
    const target = repository();
    const config = blobOf(
      Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'),
    );
    await uploadBlob(http, target, config, { signal });
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: {
          mediaType: 'application/vnd.oci.image.config.v1+json',
          digest: config.digest,
          size: config.size,
        },
        layers: [],
      }),
    );
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';

    const digest = await putManifest(http, target, { version: '1', mediaType, bytes }, { signal });

    const registry = distributionRegistry({ clock: systemClock, openHttp });
    const asked = { signal, ...(place.credentials && { credentials: place.credentials }) };
    const name = `${place.host}/${target.path}`;
    expect(await registry.resolve({ repository: name, tag: '1' }, asked)).toBe(digest);
    expect(await registry.resolve({ repository: name, tag: '2' }, asked)).toBeUndefined();
    expect(await registry.resolve({ repository: `${name}-other`, tag: '1' }, asked)).toBeUndefined();
    expect(await readManifest(http, target, digest, { signal })).toEqual({ digest, mediaType, bytes });
    await registry.close();
  });

  it('uploads blobs of any size, in one request or in chunks, byte for byte', async () => {
    const target = repository();
    for (const size of [0, 1, 1000, 2500, 3000]) {
      const bytes = randomBytes(size);
      const blob = blobOf(bytes);
      await uploadBlob(http, target, blob, { signal, chunkBytes: 1000 });

      expect(await hasBlob(http, target, blob.digest, { signal })).toBe(true);
      const chunks: Buffer[] = [];
      for await (const chunk of await readBlob(http, target, blob, { signal })) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    }
    expect(await hasBlob(http, target, `sha256:${'0'.repeat(64)}`, { signal })).toBe(false);
  });

  it('mounts a blob that another repository has instead of sending it', async () => {
    const [from, into] = [repository(), repository()];
    const blob = blobOf(randomBytes(1000));
    await uploadBlob(http, from, blob, { signal });
    const before = place.double?.received();

    const transfer = await uploadBlob(http, into, blob, { signal, mountFrom: from.path });

    expect(transfer).toBe('mounted');
    expect(place.double?.received()).toBe(before);
    expect(await hasBlob(http, into, blob.digest, { signal })).toBe(true);
  });

  it('tells whether one may push', async () => {
    const registry = distributionRegistry({ clock: systemClock, openHttp });
    const name = `${place.host}/slipway-test/check`;
    const { credentials } = place;

    await expect(
      registry.checkPush(name, { signal, ...(credentials && { credentials }) }),
    ).resolves.toBeUndefined();
    if (credentials !== undefined) {
      const wrong = { ...credentials, password: 'wrong' };
      await expect(registry.checkPush(name, { signal, credentials: wrong })).rejects.toMatchObject({
        problem: 'unauthorized',
      });
      await expect(registry.checkPush(name, { signal })).rejects.toMatchObject({ problem: 'unauthorized' });
    }
    await registry.close();
  });
});

describe('registry client and trouble', () => {
  const httpTo = async (options: OciRegistryOptions = {}) => {
    const place = await startDouble(options);
    const { clock, sleeps } = quickClock();
    const http = new RegistryHttp({ clock, openHttp });
    const target = { host: place.host, path: 'shop/web', ...(options.user && { credentials: options.user }) };
    return { double: place.double!, http, clock, sleeps, target };
  };

  it('tries again what a registry may recover from, and waits as long as it asks', async () => {
    const { double, http, sleeps, target } = await httpTo();
    double.faults.push(
      { method: 'GET', path: /manifests/, times: 1, status: 503 },
      { method: 'GET', path: /manifests/, times: 1, status: 429, headers: { 'retry-after': '3' } },
      { method: 'GET', path: /manifests/, times: 1, breakAfterBytes: 0 },
    );

    expect(await readManifest(http, target, '1', { signal })).toBeUndefined();
    expect(sleeps).toHaveLength(3);
    expect(sleeps[1]).toBe(3000);
  });

  it('gives up after its attempts, in clear words', async () => {
    const { double, http, target } = await httpTo();
    double.faults.push({
      method: 'GET',
      path: /manifests/,
      times: 99,
      status: 502,
      body: '<html><h1>Bad Gateway</h1></html>',
    });

    const reading = readManifest(http, target, '1', { signal });

    await expect(reading).rejects.toMatchObject({
      problem: 'unreachable',
      message: `cannot read ${double.host}/shop/web:1: 502 Bad Gateway`,
    });
    expect(double.requests).toHaveLength(5);
  });

  it.each([
    [
      403,
      'denied',
      '{"errors":[{"code":"DENIED","message":"requested access is denied"}]}',
      'requested access is denied',
    ],
    [412, 'immutable', '{"errors":[{"message":"configured as immutable"}]}', 'configured as immutable'],
    [400, 'refused', '{"errors":[{"code":"MANIFEST_INVALID"}]}', 'MANIFEST_INVALID'],
  ])('does not try a refusal again: %s is %s', async (status, problem, body, words) => {
    const { double, http, target } = await httpTo();
    double.faults.push({ method: 'PUT', path: /manifests/, times: 1, status, body });
    const manifest = { version: '1', mediaType: 'x', bytes: Buffer.from('{}') };

    const error = await putManifest(http, target, manifest, { signal }).catch((caught: unknown) => caught);

    expect(error).toMatchObject({ problem });
    expect(String(error)).toContain(words);
    expect(double.requests).toHaveLength(1);
  });

  it('goes on where the connection broke, without sending the chunks again that arrived', async () => {
    const { double, http, target } = await httpTo();
    const blob = blobOf(randomBytes(5000));
    let uploads = 0;
    const counting: BlobSource = {
      ...blob,
      open: (start, end) => ((uploads += end - start), blob.open(start, end)),
    };
    await uploadBlob(http, { ...target, path: 'warm' }, blobOf(randomBytes(10)), { signal });
    double.faults.push({ method: 'PATCH', path: /uploads/, times: 1, breakAfterBytes: 400 });

    await uploadBlob(http, target, counting, { signal, chunkBytes: 1000 });

    expect(double.blobs.get(blob.digest)?.length).toBe(5000);
    expect(uploads).toBe(5000 + 600);
  });

  it('starts an upload again that the registry has forgotten', async () => {
    const { double, http, target } = await httpTo();
    const blob = blobOf(randomBytes(3000));
    double.faults.push(
      { method: 'PATCH', path: /uploads/, times: 1, status: 500 },
      { method: 'GET', path: /uploads/, times: 1, status: 404 },
    );

    await uploadBlob(http, target, blob, { signal, chunkBytes: 1000 });

    expect(double.blobs.has(blob.digest)).toBe(true);
    expect(double.requests.filter((one) => one.startsWith('POST'))).toHaveLength(2);
  });

  it('logs in again when its token has run out', async () => {
    const { double, http, target } = await httpTo({ auth: 'bearer', user });
    await readManifest(http, target, '1', { signal });
    (double as unknown as { tokens: Map<string, string> }).tokens.clear();

    expect(await readManifest(http, target, '1', { signal })).toBeUndefined();
    expect(double.requests.filter((one) => one.includes('/token'))).toHaveLength(2);
  });

  it('refuses a blob whose content is not that of its digest', async () => {
    const { double, http, target } = await httpTo();
    const blob = blobOf(Buffer.from('good'));
    await uploadBlob(http, target, blob, { signal });
    double.blobs.set(blob.digest, Buffer.from('evil'));

    const reading = (async () => {
      for await (const _chunk of await readBlob(http, target, blob, { signal }));
    })();

    await expect(reading).rejects.toThrow(/does not have the content of its digest/);
  });

  it('gives its credentials to the registry alone, not to where it is redirected', async () => {
    const store = await startDouble({});
    const { double, http, target } = await httpTo({ auth: 'basic', user });
    const seen: (string | undefined)[] = [];
    store.double!.faults.push({ method: 'GET', path: /./, times: 1, status: 200, body: 'good' });
    const blob = blobOf(Buffer.from('good'));
    double.faults.push(
      {
        method: 'GET',
        path: /blobs/,
        times: 1,
        status: 401,
        headers: { 'www-authenticate': 'Basic realm="x"' },
      },
      {
        method: 'GET',
        path: /blobs/,
        times: 1,
        status: 307,
        headers: { location: `http://${store.host}/signed` },
      },
    );
    store.double!.onRequest = (request) => void seen.push(request.headers.authorization);

    const stream = await readBlob(http, target, blob, { signal });
    for await (const _chunk of stream);

    expect(seen).toEqual([undefined]);
  });

  it('sends no password to a token server without TLS when the registry has it', async () => {
    const { authorizationFor } = await import('../../src/adapters/oci/registry-login.ts');
    const double = await startDouble({ auth: 'bearer', user });

    const login = authorizationFor(
      {
        challenge: { scheme: 'bearer', realm: `http://${double.host}/token` },
        credentials: user,
        scopes: [],
        protocol: 'https:',
        http: openHttp(),
        trust: {},
        attempted: { action: 'read', target: 'x' },
      },
      { signal },
    );

    await expect(login).rejects.toThrow(/its token server is http:/);
    expect(double.double!.requests).toEqual([]);
  });

  it('says at once that nobody answers, by name', async () => {
    const { clock } = quickClock();
    const http = new RegistryHttp({ clock, openHttp, maxAttempts: 1 });

    const reading = readManifest(http, { host: '127.0.0.1:1', path: 'shop/web' }, '1', { signal });

    await expect(reading).rejects.toThrow(/^cannot read 127.0.0.1:1\/shop\/web:1: /);
  });

  it('ends with the reason when it is cancelled', async () => {
    const { double, http, target } = await httpTo();
    double.faults.push({ method: 'GET', path: /manifests/, times: 99, status: 503 });
    const controller = new AbortController();
    const slow = new RegistryHttp({
      openHttp,
      clock: {
        now: () => 0,
        monotonicMs: () => 0,
        sleep: () => (controller.abort(new Error('enough')), Promise.resolve()),
      },
    });

    await expect(readManifest(slow, target, '1', { signal: controller.signal })).rejects.toThrow('enough');
    await http.close();
  });
});
