import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Service } from '../../src/sandbox/network/service-types.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.ts';
import type { StoredObject } from '../../src/sandbox/store/objects.ts';
import { pod } from '../conformance/objects.ts';
import { connect } from '../conformance/wire.ts';
import { waitFor } from '../support/wait-for.ts';

let folder: string;
let sandbox: Sandbox;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-gateway-'));
  sandbox = await startSandbox({ folder });
});
afterAll(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});

const namespace = 'kube-system';
const portOf = (url = ''): number => Number(new URL(url).port);
const gatewayObject = (): StoredObject<{ listeners: { port: number }[] }> | undefined =>
  sandbox.objects.get({ kind: 'Gateway', group: 'gateway.networking.k8s.io', namespace, name: 'sandbox' });

describe('the gateway of the sandbox', () => {
  it('answers pods at its Service, by name', async () => {
    const wire = await connect(sandbox.kubeconfig);
    const port = String(portOf(sandbox.gateway));
    const script = `wget -q -S -O- http://sandbox-gateway.kube-system:${port}/ 2>&1; true`;
    await wire.request('POST', '/api/v1/namespaces/default/pods', { body: pod('asker', script) });
    const key = { kind: 'Pod', namespace: 'default', name: 'asker' };
    await waitFor('the end of the pod', () => {
      const asker = sandbox.objects.get<StoredObject<unknown, { phase: string }>>(key);
      return Promise.resolve(asker?.status?.phase === 'Succeeded' ? true : undefined);
    });

    const log = await wire.request('GET', '/api/v1/namespaces/default/pods/asker/log');
    expect(log.text).toContain('404 Not Found');
    await wire.close();
  });

  it('keeps its port and its objects from start to start, and makes again what was deleted', async () => {
    const before = { url: sandbox.gateway, uid: gatewayObject()?.metadata.uid };
    const ingressClass = { kind: 'IngressClass', name: 'nginx' };
    sandbox.objects.delete(ingressClass);
    await sandbox.close();

    sandbox = await startSandbox({ folder });

    expect({ url: sandbox.gateway, uid: gatewayObject()?.metadata.uid }).toEqual(before);
    expect(sandbox.objects.get(ingressClass)).toBeDefined();
  });

  it('takes another port where its own is taken, and tells it in its objects', async () => {
    const port = portOf(sandbox.gateway);
    await sandbox.close();
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');

    sandbox = await startSandbox({ folder });

    const now = portOf(sandbox.gateway);
    const service = sandbox.objects.get<Service>({ kind: 'Service', namespace, name: 'sandbox-gateway' });
    expect(now).not.toBe(port);
    expect([gatewayObject()?.spec?.listeners[0]?.port, service?.spec.ports?.[0]?.port]).toEqual([now, now]);
    other.close();
  });
});
