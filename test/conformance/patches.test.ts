import { beforeEach, describe, expect, it } from '@jest/globals';
import { useLab, type PatchType } from './lab.ts';
import { configMap, container, deployment, imageValue } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('patches');
let made: Json;
let name: string;
let count = 0;

beforeEach(async () => {
  count += 1;
  name = `patched-${count}`;
  const containers = [
    container('sleep 1', {
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
      ports: [{ containerPort: 80, name: 'http' }],
    }),
    { name: 'side', image: imageValue },
  ];
  const template = { metadata: { labels: { app: name } }, spec: { containers } };
  made = await lab.create('deployments', deployment(name, { replicas: 0, paused: true, template }));
});

const patch = (body: unknown, type: PatchType): Promise<{ code: number; body: Json }> =>
  lab.patch('deployments', name, body, type);

describe('JSON patch', () => {
  it.each<[string, Json[], (object: Json) => unknown, unknown]>([
    ['adds', [{ op: 'add', path: '/metadata/labels/new', value: 'x' }], (d) => d.metadata.labels.new, 'x'],
    [
      'replaces',
      [{ op: 'replace', path: '/spec/revisionHistoryLimit', value: 3 }],
      (d) => d.spec.revisionHistoryLimit,
      3,
    ],
    ['removes', [{ op: 'remove', path: '/metadata/labels/app' }], (d) => d.metadata.labels, undefined],
    [
      'appends to a list',
      [{ op: 'add', path: '/spec/template/spec/containers/-', value: { name: 'third', image: imageValue } }],
      (d) => d.spec.template.spec.containers.length,
      3,
    ],
    [
      'inserts into a list',
      [{ op: 'add', path: '/spec/template/spec/containers/0', value: { name: 'first', image: imageValue } }],
      (d) => d.spec.template.spec.containers[0].name,
      'first',
    ],
    [
      'moves',
      [{ op: 'move', from: '/metadata/labels/app', path: '/metadata/labels/was' }],
      (d) => Object.keys(d.metadata.labels),
      ['was'],
    ],
    [
      'copies',
      [{ op: 'copy', from: '/metadata/labels/app', path: '/metadata/labels/also' }],
      (d) => Object.keys(d.metadata.labels).sort(),
      ['also', 'app'],
    ],
    [
      'goes on after a test that holds',
      [
        { op: 'test', path: '/spec/replicas', value: 0 },
        { op: 'replace', path: '/spec/replicas', value: 0 },
      ],
      (d) => d.spec.replicas,
      0,
    ],
    [
      'reads ~1 as a slash',
      [{ op: 'add', path: '/metadata/labels/example.com~1x', value: 'y' }],
      (d) => d.metadata.labels['example.com/x'],
      'y',
    ],
  ])('%s', async (_what, operations, look, expected) => {
    const answer = await patch(operations, 'json');

    expect(answer.code).toBe(200);
    expect(look(answer.body)).toEqual(expected);
  });

  it('fails as a whole when a test does not hold', async () => {
    const { code, body } = await patch(
      [
        { op: 'add', path: '/metadata/labels/half', value: 'x' },
        { op: 'test', path: '/spec/replicas', value: 7 },
      ],
      'json',
    );

    expect(code).toBe(422);
    expect(body.reason).toBe('Invalid');
    expect((await lab.get('deployments', name)).metadata.labels.half).toBeUndefined();
  });

  it('refuses what is no list of operations', async () => {
    expect((await patch({ op: 'add' }, 'json')).code).toBe(400);
  });
});

describe('merge patch', () => {
  it('merges objects and removes what is null', async () => {
    const { code, body } = await patch({ metadata: { labels: { app: null, tier: 'front' } } }, 'merge');

    expect(code).toBe(200);
    expect(body.metadata.labels).toEqual({ tier: 'front' });
  });

  it('replaces lists as a whole', async () => {
    const { body } = await patch(
      { spec: { template: { spec: { containers: [{ name: 'only', image: imageValue }] } } } },
      'merge',
    );

    expect(body.spec.template.spec.containers.map((entry: Json) => entry.name)).toEqual(['only']);
  });

  it('is refused when it is no JSON object', async () => {
    // 1.20 says 500, newer releases 400.
    expect([400, 500]).toContain((await patch('[1', 'merge')).code);
  });
});

describe('strategic merge patch', () => {
  const containers = (list: Json[]): Json => ({ spec: { template: { spec: { containers: list } } } });
  const names = (body: Json): string[] =>
    body.spec.template.spec.containers.map((entry: Json) => entry.name as string);

  it('merges containers by name', async () => {
    const { code, body } = await patch(containers([{ name: 'side', workingDir: '/tmp' }]), 'strategic');

    expect(code).toBe(200);
    expect(names(body)).toEqual(['main', 'side']);
    expect(body.spec.template.spec.containers[1]).toMatchObject({ image: imageValue, workingDir: '/tmp' });
  });

  it('puts a new container in', async () => {
    const { body } = await patch(containers([{ name: 'third', image: imageValue }]), 'strategic');

    expect(names(body).sort()).toEqual(['main', 'side', 'third']);
  });

  it('deletes an element by $patch', async () => {
    const { body } = await patch(containers([{ name: 'side', $patch: 'delete' }]), 'strategic');

    expect(names(body)).toEqual(['main']);
  });

  it('replaces a list by $patch', async () => {
    const { body } = await patch(
      containers([{ $patch: 'replace' }, { name: 'only', image: imageValue }]),
      'strategic',
    );

    expect(names(body)).toEqual(['only']);
  });

  it('merges environment variables by name', async () => {
    const { body } = await patch(
      containers([
        {
          name: 'main',
          env: [
            { name: 'B', value: '3' },
            { name: 'C', value: '4' },
          ],
        },
      ]),
      'strategic',
    );

    const env = Object.fromEntries(
      body.spec.template.spec.containers[0].env.map((entry: Json) => [entry.name, entry.value]),
    );
    expect(env).toEqual({ A: '1', B: '3', C: '4' });
  });

  it('keeps the order that $setElementOrder gives', async () => {
    const spec = {
      $setElementOrder: undefined,
      '$setElementOrder/containers': [{ name: 'side' }, { name: 'main' }],
      containers: [{ name: 'side', workingDir: '/' }],
    };

    const { body } = await patch({ spec: { template: { spec } } }, 'strategic');

    expect(names(body)).toEqual(['side', 'main']);
  });

  it('removes fields that are null and keys that $retainKeys leaves out', async () => {
    const { body } = await patch(
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } }, metadata: { labels: null } },
      'strategic',
    );

    expect(body.spec.strategy).toEqual({ type: 'Recreate' });
    expect(body.metadata.labels).toBeUndefined();
  });

  it('replaces a list without a merge key', async () => {
    const { body } = await patch(containers([{ name: 'main', command: ['true'] }]), 'strategic');

    expect(body.spec.template.spec.containers[0].command).toEqual(['true']);
  });

  it('adds finalizers to those there are', async () => {
    await lab.create('configmaps', configMap(`final-${count}`, {}, { finalizers: ['example.com/a'] }));

    const { body } = await lab.patch(
      'configmaps',
      `final-${count}`,
      { metadata: { finalizers: ['example.com/b'] } },
      'strategic',
    );

    expect(body.metadata.finalizers.sort()).toEqual(['example.com/a', 'example.com/b']);
    await lab.patch('configmaps', `final-${count}`, { metadata: { finalizers: null } });
  });
});

describe('every patch', () => {
  it('leaves the resourceVersion alone when it changes nothing', async () => {
    const before = await lab.until('deployments', name, (object) => object.status?.observedGeneration === 1);

    const { body } = await patch({ spec: { paused: true } }, 'merge');

    expect(body.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  it('minds a resourceVersion in it', async () => {
    await patch({ metadata: { labels: { moved: 'on' } } }, 'merge');

    const { code } = await patch(
      { metadata: { resourceVersion: made.metadata.resourceVersion, labels: { late: 'yes' } } },
      'merge',
    );

    expect(code).toBe(409);
  });

  it('is validated', async () => {
    const { code, body } = await patch({ spec: { replicas: -3 } }, 'strategic');

    expect(code).toBe(422);
    expect(body.message).toContain('spec.replicas: Invalid value: -3: must be greater than or equal to 0');
  });

  it('of what is not there answers 404', async () => {
    for (const type of ['json', 'merge', 'strategic'] as const) {
      expect((await lab.patch('deployments', 'nobody', type === 'json' ? [] : {}, type)).code).toBe(404);
    }
  });

  it('of an unknown type answers 415', async () => {
    const { code, body } = await lab.wire.request('PATCH', await lab.url('deployments', name), {
      contentType: 'application/json',
      body: {},
    });

    expect(code).toBe(415);
    expect(body.reason).toBe('UnsupportedMediaType');
  });
});

describe('subresources', () => {
  it('status takes status alone', async () => {
    const url = await lab.url('deployments', name, 'status');

    const { code, body } = await lab.wire.request('PATCH', url, {
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas: 9 }, status: { conditions: [{ type: 'Custom', status: 'True' }] } },
    });

    expect(code).toBe(200);
    expect(body.spec.replicas).toBe(0);
    expect(body.status.conditions.some((entry: Json) => entry.type === 'Custom')).toBe(true);
    expect(body.metadata.generation).toBe(1);
  });

  it('scale is read, put and patched', async () => {
    await lab.until('deployments', name, (object) => object.status?.observedGeneration === 1);
    const url = await lab.url('deployments', name, 'scale');
    const { body: scale } = await lab.wire.request('GET', url);
    const put = await lab.wire.request('PUT', url, { body: { ...scale, spec: { replicas: 2 } } });
    const patched = await lab.wire.request('PATCH', url, {
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas: 0 } },
    });

    expect(scale).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: {},
      status: { replicas: 0, selector: `app=${name}` },
    });
    expect([put.code, put.body.spec.replicas, patched.code]).toEqual([200, 2, 200]);
    expect((await lab.get('deployments', name)).spec.replicas).toBe(0);
  });

  it('scale minds its resourceVersion and its bounds', async () => {
    const url = await lab.url('deployments', name, 'scale');
    const { body: scale } = await lab.wire.request('GET', url);
    await lab.patch('deployments', name, { metadata: { labels: { moved: 'on' } } });

    const stale = await lab.wire.request('PUT', url, { body: { ...scale, spec: { replicas: 1 } } });
    const negative = await lab.wire.request('PATCH', url, {
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas: -1 } },
    });

    expect([stale.code, negative.code]).toEqual([409, 422]);
  });
});
