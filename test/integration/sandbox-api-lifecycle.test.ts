/* eslint @typescript-eslint/no-unsafe-class-instance-assignment: off -- the client's types are classes that stand for shapes */
import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { defaultSandboxFolder, reset, startDetached, status, stop } from '../../src/sandbox/lifecycle.ts';
import { startSandbox } from '../../src/sandbox/server.ts';

const folders: string[] = [];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-sandbox-life-'));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  for (const folder of folders.splice(0)) {
    await stop({ folder });
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);

function client(kubeconfig: string): CoreV1Api {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return config.makeApiClient(CoreV1Api);
}

/** What is laid out as a pod's root: nothing in it is private. */
const isSharedTree = (name: string): boolean => ['root', 'skeleton'].includes(name);

const settings = { metadata: { name: 'kept' }, data: { a: '1' } };

describe('a sandbox of its own process', () => {
  it('keeps objects, address and credentials through a restart', async () => {
    const folder = await newFolder();
    const first = await startDetached({ folder });
    const core = client(first.kubeconfig);
    await core.createNamespacedConfigMap({ namespace: 'default', body: settings });

    const stopped = await stop({ folder });
    const between = status({ folder });
    const second = await startDetached({ folder });
    const kept = await core.readNamespacedConfigMap({ namespace: 'default', name: 'kept' });

    expect([stopped, between.state]).toEqual([true, 'stopped']);
    expect(second.address).toBe(first.address);
    expect(second.pid).not.toBe(first.pid);
    expect(kept.data).toEqual({ a: '1' });
  }, 90_000);

  it('is started once, and reset to nothing', async () => {
    const folder = await newFolder();
    const first = await startDetached({ folder });

    const again = await startDetached({ folder });
    await reset({ folder });

    expect(again.pid).toBe(first.pid);
    expect(existsSync(folder)).toBe(false);
    expect(status({ folder }).state).toBe('stopped');
    expect(await stop({ folder })).toBe(false);
  }, 90_000);

  it('runs beside another one', async () => {
    const [one, two] = await Promise.all(
      [await newFolder(), await newFolder()].map((folder) => startDetached({ folder })),
    );
    await client(one!.kubeconfig).createNamespacedConfigMap({ namespace: 'default', body: settings });

    const other = await client(two!.kubeconfig).listNamespacedConfigMap({
      namespace: 'default',
      fieldSelector: 'metadata.name=kept',
    });

    expect(one!.address).not.toBe(two!.address);
    expect(other.items).toEqual([]);
  }, 90_000);

  it('whose database is damaged says so and what to do, and can be reset', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'objects.db'), Buffer.alloc(8192, 7));

    const started = startDetached({ folder });

    await expect(started).rejects.toMatchObject({
      code: 'sandbox-start',
      message: expect.stringContaining('objects.db cannot be read'),
      hint: expect.stringContaining('pipeline sandbox reset'),
    });
    await reset({ folder });
    expect((await startDetached({ folder })).state).toBe('running');
  }, 90_000);
});

describe('a sandbox in this process', () => {
  it('ends although a client holds a port-forward open', async () => {
    const folder = await newFolder();
    const sandbox = await startSandbox({ folder });
    sandbox.objects.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'held', namespace: 'default' },
      spec: { nodeName: 'another', containers: [{ name: 'main', image: 'app:1' }] },
    });
    const config = new KubeConfig();
    config.loadFromFile(sandbox.kubeconfig);
    const decode = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64');
    const socket = connect({
      port: Number(new URL(sandbox.address).port),
      host: '127.0.0.1',
      ca: decode(config.getCurrentCluster()?.caData),
      cert: decode(config.getCurrentUser()?.certData),
      key: decode(config.getCurrentUser()?.keyData),
    });
    socket.on('error', () => undefined);
    socket.write(
      'GET /api/v1/namespaces/default/pods/held/portforward HTTP/1.1\r\nHost: localhost\r\n' +
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];

    const ended = once(socket, 'close');
    await sandbox.close();
    await ended;

    expect(answer.toString()).toContain('101 Switching Protocols');
  }, 30_000);
});

describe('the state folder', () => {
  it.each([0o700, 0o755])(
    'that was there with the mode %o leaves its content to its owner',
    async (mode) => {
      const folder = await newFolder();
      await chmod(folder, mode);
      // What an earlier version left.
      for (const name of ['objects.db', 'sandbox.log'])
        await writeFile(join(folder, name), '', { mode: 0o644 });
      await mkdir(join(folder, 'pods'), { mode: 0o755 });

      const { kubeconfig } = await startDetached({ folder });
      await client(kubeconfig).createNamespacedConfigMap({ namespace: 'default', body: settings });

      const modes = (await readdir(folder, { withFileTypes: true }))
        .filter((entry) => !isSharedTree(entry.name))
        .map((entry) => [entry.name, entry.isDirectory() ? 0o700 : 0o600]);
      expect(modes.map(([name]) => name)).toEqual(
        expect.arrayContaining(['objects.db', 'objects.db-wal', 'pods', 'registry', 'sandbox.log']),
      );
      const found = modes.map(([name]) => [name, statSync(join(folder, String(name))).mode & 0o777]);
      expect(found).toEqual(modes);
    },
    90_000,
  );
});

describe('reset', () => {
  it('refuses a folder that is not a sandbox', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'precious.txt'), 'x');

    await expect(reset({ folder })).rejects.toThrow('is not the state folder of a sandbox');
    expect(existsSync(join(folder, 'precious.txt'))).toBe(true);
  });
});

describe('the default folder', () => {
  it('follows the XDG base directories', () => {
    expect(defaultSandboxFolder({ XDG_STATE_HOME: '/state' })).toBe('/state/slipway/sandbox');
    expect(defaultSandboxFolder({})).toMatch(/\.local\/state\/slipway\/sandbox$/);
  });
});
