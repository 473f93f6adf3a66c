import { describe, expect, it } from '@jest/globals';
import { useLab } from './lab.ts';
import { configMap, container, deployment, imageValue, service } from './objects.ts';
import type { Answer, Json } from './wire.ts';

const lab = useLab('apply');

/** Server-side apply of a ConfigMap's data by a manager. */
function apply(
  name: string,
  manager: string,
  data: Json,
  query: Record<string, string> = {},
): Promise<Answer> {
  return lab.patch('configmaps', name, configMap(name, data), 'apply', {
    query: { fieldManager: manager, ...query },
  });
}

const managers = (object: Json): string[] =>
  (object.metadata.managedFields ?? []).map((entry: Json) => `${entry.manager} ${entry.operation}`).sort();
const fieldsOf = (object: Json, manager: string): Json =>
  object.metadata.managedFields.find(
    (entry: Json) => entry.manager === manager && entry.operation === 'Apply',
  )?.fieldsV1;

describe('server-side apply', () => {
  it('creates with 201 and answers 200 from then on', async () => {
    const first = await apply('made', 'one', { a: '1' });
    const second = await apply('made', 'one', { a: '1' });

    expect([first.code, second.code]).toEqual([201, 200]);
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
  });

  it('writes down who manages which field', async () => {
    const { body } = await apply('managed', 'one', { a: '1' });

    const [entry] = body.metadata.managedFields;
    expect(entry).toMatchObject({
      manager: 'one',
      operation: 'Apply',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
    });
    expect(entry.fieldsV1).toEqual({ 'f:data': { 'f:a': {} } });
  });

  it('takes away a field that its manager no longer applies', async () => {
    await apply('shrunk', 'one', { a: '1', b: '2' });

    const { body } = await apply('shrunk', 'one', { a: '1' });

    expect(body.data).toEqual({ a: '1' });
  });

  it('leaves a field that another manager has', async () => {
    await apply('shared', 'one', { a: '1', b: '2' });
    await apply('shared', 'two', { b: '2' });

    const { body } = await apply('shared', 'one', { a: '1' });

    expect(body.data).toEqual({ a: '1', b: '2' });
    expect(fieldsOf(body, 'two')).toEqual({ 'f:data': { 'f:b': {} } });
  });

  it('lets two managers have one field as long as they agree', async () => {
    await apply('agreed', 'one', { a: '1' });

    const { code, body } = await apply('agreed', 'two', { a: '1' });

    expect(code).toBe(200);
    expect(managers(body)).toEqual(['one Apply', 'two Apply']);
  });

  it('refuses to change a field of another manager with 409 and says which', async () => {
    await apply('fought', 'one', { a: '1' });

    const { code, body } = await apply('fought', 'two', { a: '2' });

    expect(code).toBe(409);
    expect(body.reason).toBe('Conflict');
    expect(body.message).toBe('Apply failed with 1 conflict: conflict with "one": .data.a');
    expect(body.details.causes).toEqual([
      { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
    ]);
    expect((await lab.get('configmaps', 'fought')).data).toEqual({ a: '1' });
  });

  it('counts several conflicts', async () => {
    await apply('counted', 'one', { a: '1', b: '1' });

    const { body } = await apply('counted', 'two', { a: '2', b: '2' });

    expect(body.message).toContain('Apply failed with 2 conflicts: conflicts with "one":');
    expect(body.details.causes).toHaveLength(2);
  });

  it('takes the field over when forced', async () => {
    await apply('forced', 'one', { a: '1', b: '1' });

    const { code, body } = await apply('forced', 'two', { a: '2' }, { force: 'true' });

    expect(code).toBe(200);
    expect(body.data).toEqual({ a: '2', b: '1' });
    expect(fieldsOf(body, 'one')).toEqual({ 'f:data': { 'f:b': {} } });
  });

  it('conflicts with what was written by an update', async () => {
    await lab.wire.request('POST', await lab.url('configmaps'), {
      body: configMap('updated', { a: '1' }),
      query: { fieldManager: 'editor' },
    });

    const { code, body } = await apply('updated', 'one', { a: '2' });

    expect(code).toBe(409);
    expect(body.message).toContain('conflict with "editor" using v1');
    expect(body.message).toContain('.data.a');
  });

  it('loses a field to a later update, which becomes its manager', async () => {
    await apply('edited', 'one', { a: '1', b: '1' });
    const { body } = await lab.patch('configmaps', 'edited', { data: { a: '2' } }, 'merge', {
      query: { fieldManager: 'editor' },
    });

    expect(managers(body)).toEqual(['editor Update', 'one Apply']);
    expect(fieldsOf(body, 'one')).toEqual({ 'f:data': { 'f:b': {} } });
  });

  it('of an empty map by a second manager changes nothing', async () => {
    await apply('emptied', 'one', {});

    const { code, body } = await apply('emptied', 'two', {});

    // An empty map is not stored. Current releases take it for a change each time: a conflict with who applied it first.
    if (code === 409) expect(body.message).toContain('conflict with "one": .data');
    else expect([code, body.data]).toEqual([200, undefined]);
  });

  it('needs a field manager', async () => {
    const { code, body } = await lab.wire.request('PATCH', await lab.url('configmaps', 'unnamed'), {
      contentType: 'application/apply-patch+yaml',
      body: configMap('unnamed'),
    });

    expect([400, 422]).toContain(code);
    expect(body.message).toContain('fieldManager');
  });

  it('refuses managedFields in what is applied', async () => {
    const body = configMap(
      'meddled',
      {},
      {
        managedFields: [
          { manager: 'x', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} },
        ],
      },
    );

    const answer = await lab.patch('configmaps', 'meddled', body, 'apply');

    expect(answer.code).toBe(400);
    expect(answer.body.message).toContain('metadata.managedFields must be nil');
  });

  it('needs kind and apiVersion', async () => {
    const { code } = await lab.patch('configmaps', 'untyped', { metadata: { name: 'untyped' } }, 'apply');

    expect(code).toBe(400);
  });

  it('takes YAML', async () => {
    const body = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-yaml\ndata:\n  a: "1" # a comment\n`;

    expect((await lab.patch('configmaps', 'from-yaml', body, 'apply')).body.data).toEqual({ a: '1' });
  });

  it('of a dry run stores nothing', async () => {
    const { code } = await apply('dry', 'one', { a: '1' }, { dryRun: 'All' });

    expect(code).toBe(201);
    expect((await lab.read('configmaps', 'dry')).code).toBe(404);
  });

  it('lets a client write who owns what, and goes by that', async () => {
    await lab.create('configmaps', configMap('handed', { a: '1', b: '2' }));
    const { metadata } = await lab.get('configmaps', 'handed');
    const entry = { manager: 'one', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1' };
    const managedFields = [{ ...entry, fieldsV1: { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } } }];
    const patch = (resourceVersion: string): Promise<Answer> =>
      lab.patch('configmaps', 'handed', { metadata: { managedFields, resourceVersion } });

    const handed = await patch(metadata.resourceVersion);
    const late = await patch(metadata.resourceVersion);
    const applied = await apply('handed', 'one', { a: '3' });

    expect([handed.code, late.code, applied.code]).toEqual([200, 409, 200]);
    expect(managers(handed.body)).toEqual(['one Apply']);
    expect(handed.body.metadata.resourceVersion).not.toBe(metadata.resourceVersion);
    expect(late.body.message).toContain('the object has been modified');
    expect(applied.body.data).toEqual({ a: '3' });
  });

  it('counts what was there before anyone applied for one manager', async () => {
    await apply('reset', 'one', { a: '1' });
    const reset = await lab.patch('configmaps', 'reset', { metadata: { managedFields: [{}] } });

    const conflict = await apply('reset', 'two', { a: '2' });
    const agreed = await apply('reset', 'two', { a: '1' });

    expect(reset.body.metadata.managedFields).toBeUndefined();
    expect(conflict.body.message).toContain('conflict with "before-first-apply" using v1: .data.a');
    expect(managers(agreed.body)).toEqual(['before-first-apply Update', 'two Apply']);
  });
});

describe('server-side apply of lists', () => {
  const object = (name: string, containers: Json[], spec: Json = {}): Json =>
    deployment(name, {
      replicas: 0,
      template: { metadata: { labels: { app: name } }, spec: { containers } },
      ...spec,
    });
  const applyDeployment = (name: string, body: Json, manager: string, force = false): Promise<Answer> =>
    lab.patch('deployments', name, body, 'apply', {
      query: { fieldManager: manager, ...(force ? { force: 'true' } : {}) },
    });
  const names = (body: Json): string[] =>
    body.spec.template.spec.containers.map((entry: Json) => entry.name as string);

  it('owns containers by their names, not by their places', async () => {
    const { body } = await applyDeployment(
      'keyed',
      object('keyed', [{ name: 'main', image: imageValue }]),
      'one',
    );

    const owned = fieldsOf(body, 'one')['f:spec']['f:template']['f:spec']['f:containers'];
    expect(Object.keys(owned)).toEqual(['k:{"name":"main"}']);
    expect(Object.keys(owned['k:{"name":"main"}']).sort()).toEqual(['.', 'f:image', 'f:name']);
  });

  it('lets managers add containers of their own to a list', async () => {
    await applyDeployment('joined', object('joined', [{ name: 'main', image: imageValue }]), 'one');
    const partial = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'joined' },
      spec: { template: { spec: { containers: [{ name: 'side', image: imageValue }] } } },
    };

    const { code, body } = await applyDeployment('joined', partial, 'two');

    expect(code).toBe(200);
    expect(names(body).sort()).toEqual(['main', 'side']);
    const again = await applyDeployment(
      'joined',
      object('joined', [{ name: 'main', image: 'changed:1' }]),
      'one',
    );
    expect(names(again.body).sort()).toEqual(['main', 'side']);
  });

  it('removes a container that is no longer applied', async () => {
    await applyDeployment(
      'removed',
      object('removed', [
        { name: 'main', image: imageValue },
        { name: 'side', image: imageValue },
      ]),
      'one',
    );

    const { body } = await applyDeployment(
      'removed',
      object('removed', [{ name: 'main', image: imageValue }]),
      'one',
    );

    expect(names(body)).toEqual(['main']);
  });

  it('merges environment variables by name', async () => {
    await applyDeployment(
      'env',
      object('env', [
        container('true', {
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
        }),
      ]),
      'one',
    );

    const { body } = await applyDeployment(
      'env',
      object('env', [container('true', { env: [{ name: 'B', value: '3' }] })]),
      'one',
    );

    expect(body.spec.template.spec.containers[0].env).toEqual([{ name: 'B', value: '3' }]);
  });

  it('does not own what was defaulted', async () => {
    const { body } = await applyDeployment(
      'defaulted',
      object('defaulted', [{ name: 'main', image: imageValue }]),
      'one',
    );

    expect(body.spec.revisionHistoryLimit).toBe(10);
    expect(fieldsOf(body, 'one')['f:spec']['f:revisionHistoryLimit']).toBeUndefined();
  });

  it('leaves replicas to whoever scales, when they are not applied', async () => {
    const { replicas: _replicas, ...rest } = object('scaled', [{ name: 'main', image: imageValue }]).spec;
    const body = { ...object('scaled', []), spec: { ...rest, paused: true } };
    await applyDeployment('scaled', body, 'one');
    await lab.wire.request('PATCH', await lab.url('deployments', 'scaled', 'scale'), {
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas: 0 } },
    });

    const answer = await applyDeployment('scaled', body, 'one');

    expect(answer.code).toBe(200);
    expect(answer.body.spec.replicas).toBe(0);
  });

  it('owns a list without keys as a whole', async () => {
    await applyDeployment('atomic', object('atomic', [container('true', { command: ['a', 'b'] })]), 'one');

    const { code, body } = await applyDeployment(
      'atomic',
      object('atomic', [container('true', { command: ['a', 'c'] })]),
      'two',
    );

    expect(code).toBe(409);
    expect(body.message).toContain('.spec.template.spec.containers[name="main"].command');
  });

  it("keeps a Service's ports apart by number and protocol", async () => {
    const service = (ports: Json[]): Json => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'ports' },
      spec: { ports },
    });
    await lab.patch('services', 'ports', service([{ name: 'a', port: 80, protocol: 'TCP' }]), 'apply', {
      query: { fieldManager: 'one' },
    });

    const { code, body } = await lab.patch(
      'services',
      'ports',
      service([{ name: 'b', port: 81, protocol: 'TCP' }]),
      'apply',
      { query: { fieldManager: 'two' } },
    );

    expect(code).toBe(200);
    expect(body.spec.ports.map((port: Json) => port.port)).toEqual([80, 81]);
  });

  it('adds finalizers as a set', async () => {
    // Without data: see the second manager of an empty map above.
    const body = (name: string): Json => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'set', finalizers: [name] },
    });
    await lab.patch('configmaps', 'set', body('example.com/a'), 'apply', { query: { fieldManager: 'one' } });

    const answer = await lab.patch('configmaps', 'set', body('example.com/b'), 'apply', {
      query: { fieldManager: 'two' },
    });

    expect(answer.body.metadata.finalizers.sort()).toEqual(['example.com/a', 'example.com/b']);
    await lab.patch('configmaps', 'set', { metadata: { finalizers: null } });
  });
});

describe('server-side apply refuses by the schema', () => {
  const one = (more: Json, pod: Json = {}, spec: Json = {}): Json =>
    deployment('typed', {
      template: {
        metadata: { labels: { app: 'typed' } },
        spec: { containers: [container('true', more)], ...pod },
      },
      ...spec,
    });
  const variables = (...env: Json[]): Json => one({ env });
  const typed = (more: Json, metadata: Json = {}): Json => ({ ...configMap('typed', {}, metadata), ...more });
  const inContainer = (fault: string): string => `.spec.template.spec.containers[name="main"]${fault}`;

  it.each<[string, string, Json, string]>([
    [
      'a field that a spec does not have',
      'deployments',
      one({}, {}, { replicaz: 2 }),
      '.spec.replicaz: field not declared in schema',
    ],
    [
      'a field that a container does not have',
      'deployments',
      one({ imagePullPolcy: 'Always' }),
      inContainer('.imagePullPolcy: field not declared in schema'),
    ],
    ['a field of no kind', 'configmaps', typed({ dat: {} }), '.dat: field not declared in schema'],
    [
      'a field that no metadata has',
      'configmaps',
      typed({}, { label: { a: 'b' } }),
      '.metadata.label: field not declared in schema',
    ],
    [
      'text for a number',
      'deployments',
      one({}, {}, { replicas: 'two' }),
      '.spec.replicas: expected numeric (int or float), got',
    ],
    [
      'text for a boolean',
      'deployments',
      one({}, { hostNetwork: 'no' }),
      '.spec.template.spec.hostNetwork: expected boolean, got',
    ],
    [
      'a number for text',
      'deployments',
      variables({ name: 'A', value: 1 }),
      inContainer('.env[name="A"].value: expected string, got'),
    ],
    [
      'a boolean for text in a map',
      'configmaps',
      typed({ data: { a: true } }),
      '.data.a: expected string, got',
    ],
    ['text for a list', 'deployments', one({ command: 'ls' }), inContainer('.command: expected list, got')],
    ['text for a map', 'configmaps', typed({ data: 'a' }), '.data: expected map, got'],
    ['a list for an object', 'deployments', { ...one({}), spec: [] }, '.spec: expected map, got'],
    [
      'a variable twice',
      'deployments',
      variables({ name: 'A', value: '1' }, { name: 'A', value: '2' }),
      inContainer('.env: duplicate entries for key [name="A"]'),
    ],
    [
      'a port of a container twice',
      'deployments',
      one({ ports: [{ containerPort: 80 }, { containerPort: 80 }] }),
      inContainer('.ports: duplicate entries for key [containerPort=80,protocol="TCP"]'),
    ],
    [
      'a port of a Service twice',
      'services',
      service('typed', {
        ports: ['a', 'b'].map((name) => ({ name, port: 80, protocol: 'TCP' })),
      }),
      '.spec.ports: duplicate entries for key [port=80,protocol="TCP"]',
    ],
    [
      'two mounts on one path',
      'deployments',
      one({ volumeMounts: ['a', 'b'].map((name) => ({ name, mountPath: '/v' })) }),
      inContainer('.volumeMounts: duplicate entries for key [mountPath="/v"]'),
    ],
    [
      'a finalizer twice',
      'configmaps',
      typed({}, { finalizers: ['example.com/a', 'example.com/a'] }),
      '.metadata.finalizers: duplicate entries for key [="example.com/a"]',
    ],
    [
      'an empty item of a list with keys',
      'deployments',
      variables(null),
      inContainer('.env: element 0: associative list with keys may not have a null element'),
    ],
    [
      'an item of a list with keys that is no object',
      'deployments',
      one({ env: ['A=1'] }),
      inContainer('.env: element 0: associative list with keys may not have non-map elements'),
    ],
    [
      'a quantity that is none',
      'deployments',
      one({ resources: { limits: { cpu: 'much' } } }),
      'quantities must match the regular expression',
    ],
    [
      'a fraction of a replica',
      'deployments',
      one({}, {}, { replicas: 1.5 }),
      'unable to convert unstructured object to apps/v1, Kind=Deployment',
    ],
    [
      'data that is not in base64',
      'configmaps',
      typed({ binaryData: { a: '***' } }),
      'illegal base64 data at input byte 0',
    ],
  ])('%s', async (_what, plural, object, message) => {
    const { code, body } = await lab.patch(plural, 'typed', object, 'apply');

    // 500 without a reason; Kubernetes means to make it 400 (kubernetes/kubernetes#139255).
    expect([400, 500]).toContain(code);
    expect(body.message).toContain(message);
    expect((await lab.read(plural, 'typed')).code).toBe(404);
  });

  it('whatever the field validation is', async () => {
    const { code } = await lab.patch('configmaps', 'typed', typed({ dat: {} }), 'apply', {
      query: { fieldValidation: 'Ignore' },
    });

    expect([400, 500]).toContain(code);
  });
});
