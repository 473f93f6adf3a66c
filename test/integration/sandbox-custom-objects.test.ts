import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.ts';
import { connect, type Answer, type Wire } from '../conformance/wire.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const gadgets = '/apis/example.com/v1/namespaces/default/gadgets';
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gadgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', shortNames: ['gd'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
const gadget = (name: string): object => ({
  apiVersion: 'example.com/v1',
  kind: 'Gadget',
  metadata: { name },
  spec: { size: 1 },
});

let folder: string;
let sandbox: Sandbox;
let wire: Wire;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-custom-objects-'));
  sandbox = await startSandbox({ folder, withoutKubelet: true });
  wire = await connect(sandbox.kubeconfig);
  await wire.request('POST', definitions, { body: definition });
});
afterAll(async () => {
  await wire.close();
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});

function merge(path: string, body: object): Promise<Answer> {
  return wire.request('PATCH', path, { contentType: 'application/merge-patch+json', body });
}

describe('custom objects in the sandbox', () => {
  it('have generations, and a status of its own that only its path writes', async () => {
    const made = await wire.request('POST', gadgets, { body: gadget('one') });
    const merged = await merge(`${gadgets}/one`, { spec: { size: 2 }, status: { seen: true } });
    const status = await merge(`${gadgets}/one/status`, { spec: { size: 3 }, status: { seen: true } });

    expect([made.code, made.body.metadata.generation]).toEqual([201, 1]);
    expect(merged.body).toMatchObject({ spec: { size: 2 }, metadata: { generation: 2 } });
    expect(merged.body.status).toBeUndefined();
    expect(status.body).toMatchObject({
      spec: { size: 2 },
      status: { seen: true },
      metadata: { generation: 2 },
    });
  });

  it('take merge and apply patches, no strategic ones', async () => {
    const strategic = await wire.request('PATCH', `${gadgets}/one`, {
      contentType: 'application/strategic-merge-patch+json',
      body: {},
    });
    const applied = await wire.request('PATCH', `${gadgets}/two`, {
      contentType: 'application/apply-patch+yaml',
      query: { fieldManager: 'tester' },
      body: gadget('two'),
    });

    expect([strategic.code, applied.code]).toEqual([415, 201]);
  });

  it('are listed as their own kind of list', async () => {
    await wire.request('POST', gadgets, { body: gadget('three') });

    const { body } = await wire.request('GET', gadgets, { query: { fieldSelector: 'metadata.name=three' } });

    expect(body).toMatchObject({
      kind: 'GadgetList',
      apiVersion: 'example.com/v1',
      items: [{ spec: { size: 1 } }],
    });
  });

  it('are owned and collected like any other', async () => {
    const owner = await wire.request('POST', gadgets, { body: gadget('owner') });
    const reference = {
      apiVersion: 'example.com/v1',
      kind: 'Gadget',
      name: 'owner',
      uid: owner.body.metadata.uid,
    };
    const dependent = '/api/v1/namespaces/default/configmaps';
    await wire.request('POST', dependent, {
      body: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'owned', ownerReferences: [reference] },
      },
    });

    await wire.request('DELETE', `${gadgets}/owner`);

    await expect(gone(`${dependent}/owned`)).resolves.toBe(true);
  });

  it('go with their definition', async () => {
    await wire.request('DELETE', `${definitions}/gadgets.example.com`);

    await expect(gone(gadgets)).resolves.toBe(true);
  });
});

async function gone(path: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await wire.request('GET', path)).code === 404) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
