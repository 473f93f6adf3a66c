import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { useLab } from './lab.ts';
import type { Json } from './wire.ts';

const lab = useLab('discovery');
const read = async (path: string): Promise<Json> => (await lab.wire.request('GET', path)).body;

describe('discovery', () => {
  it('gives a version', async () => {
    expect(await read('/version')).toMatchObject({
      major: '1',
      gitVersion: expect.stringMatching(/^v1\.\d+\.\d+/),
    });
  });

  it.each(['/healthz', '/livez', '/readyz'])('%s says ok', async (path) => {
    expect(await read(path)).toBe('ok');
  });

  it('lists the core group and the others', async () => {
    const [core, groups] = [await read('/api'), await read('/apis')];

    expect(core).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    expect(groups.kind).toBe('APIGroupList');
    expect(groups.groups.map((group: Json) => group.name)).toEqual(
      expect.arrayContaining([
        'apps',
        'batch',
        'policy',
        'discovery.k8s.io',
        'autoscaling',
        'networking.k8s.io',
        'rbac.authorization.k8s.io',
      ]),
    );
  });

  it.each([
    ['/api/v1', 'pods', { kind: 'Pod', namespaced: true, shortNames: ['po'] }],
    ['/api/v1', 'services', { kind: 'Service', shortNames: ['svc'] }],
    ['/api/v1', 'namespaces', { kind: 'Namespace', namespaced: false, shortNames: ['ns'] }],
    ['/api/v1', 'pods/log', { kind: 'Pod' }],
    ['/api/v1', 'pods/exec', { kind: 'PodExecOptions' }],
    ['/api/v1', 'pods/eviction', { kind: 'Eviction', group: 'policy' }],
    ['/apis/apps/v1', 'deployments', { kind: 'Deployment', shortNames: ['deploy'], categories: ['all'] }],
    ['/apis/apps/v1', 'deployments/scale', { kind: 'Scale', group: 'autoscaling', version: 'v1' }],
    ['/apis/apps/v1', 'deployments/status', { kind: 'Deployment' }],
    ['/apis/apps/v1', 'statefulsets', { kind: 'StatefulSet', shortNames: ['sts'] }],
    ['/apis/batch/v1', 'jobs', { kind: 'Job' }],
  ])('%s has %s', async (path, name, expected) => {
    const { resources } = await read(path);

    expect(resources.find((resource: Json) => resource.name === name)).toMatchObject(expected);
  });

  it('gives each resource its verbs', async () => {
    const { resources } = await read('/apis/apps/v1');

    const { verbs } = resources.find((resource: Json) => resource.name === 'deployments') as {
      verbs: string[];
    };
    expect([...verbs].sort()).toEqual([
      'create',
      'delete',
      'deletecollection',
      'get',
      'list',
      'patch',
      'update',
      'watch',
    ]);
  });

  it('refuses who does not say who they are', async () => {
    const { code, stderr } = await lab.kubectl([
      'get',
      'pods',
      '--client-certificate=/dev/null',
      '--token=not-a-token',
    ]);

    expect(code).not.toBe(0);
    expect(stderr).not.toBe('');
  });
});

describe('custom resources', () => {
  const suffix = randomBytes(3).toString('hex');
  const group = `conf-${suffix}.example.com`;
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `gadgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', shortNames: [`gd${suffix}`] },
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
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const gadgets = (name = ''): string =>
    `/apis/${group}/v1/namespaces/${lab.namespace}/gadgets${name === '' ? '' : `/${name}`}`;

  it('are served and discovered once defined, and go with their definition', async () => {
    // No custom object is created here: this suite's reference server, 1.20 built with a newer Go, dies of one.
    const defined = await lab.wire.request('POST', definitions, { body: definition });
    try {
      await established();
      const listed = await lab.wire.request('GET', gadgets());
      const discovered = await read(`/apis/${group}/v1`);
      const missing = await lab.wire.request('GET', gadgets('nobody'));

      expect(defined.code).toBe(201);
      expect(listed.body).toMatchObject({ kind: 'GadgetList', apiVersion: `${group}/v1`, items: [] });
      expect(discovered.resources.map((resource: Json) => resource.name)).toEqual(
        expect.arrayContaining(['gadgets', 'gadgets/status']),
      );
      expect(missing.body.message).toBe(`gadgets.${group} "nobody" not found`);
    } finally {
      await lab.wire.request('DELETE', `${definitions}/${definition.metadata.name}`);
    }
    let code = 200;
    for (let tries = 0; tries < 100 && code !== 404; tries += 1) {
      ({ code } = await lab.wire.request('GET', gadgets()));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(code).toBe(404);
  });

  async function established(): Promise<void> {
    for (let tries = 0; tries < 100; tries += 1) {
      const { code } = await lab.wire.request('GET', gadgets());
      if (code === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('the custom resource is not served');
  }
});
