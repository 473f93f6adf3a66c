import { describe, expect, it } from '@jest/globals';
import { useLab } from './lab.ts';
import { configMap, deployment, service } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('objects');
const cm = async (name: string): Promise<Json> => lab.create('configmaps', configMap(name));

describe('creating', () => {
  it('answers 201 with uid, resourceVersion, creationTimestamp and namespace', async () => {
    const { code, body } = await lab.post('configmaps', configMap('created'));

    expect(code).toBe(201);
    expect(body.metadata).toMatchObject({ name: 'created', namespace: lab.namespace });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(body.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  it('refuses a name that is taken with 409 AlreadyExists', async () => {
    await cm('taken');

    const { code, body } = await lab.post('configmaps', configMap('taken'));

    expect(code).toBe(409);
    expect(body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'AlreadyExists',
      message: 'configmaps "taken" already exists',
      details: { name: 'taken', kind: 'configmaps' },
      code: 409,
    });
  });

  it('names the group in the message of a grouped resource', async () => {
    await lab.create('deployments', deployment('named', { replicas: 0 }));

    const { body } = await lab.post('deployments', deployment('named'));

    expect(body.message).toBe('deployments.apps "named" already exists');
    expect(body.details).toMatchObject({ group: 'apps', kind: 'deployments' });
  });

  it('makes a name from generateName', async () => {
    const { code, body } = await lab.post('configmaps', {
      kind: 'ConfigMap',
      metadata: { generateName: 'gen-' },
    });

    expect(code).toBe(201);
    expect(body.metadata.name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(body.metadata.generateName).toBe('gen-');
  });

  it("ignores uid, resourceVersion of the server's own fields where it may", async () => {
    const { code, body } = await lab.post(
      'configmaps',
      configMap('own', {}, { uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z' }),
    );

    expect(code).toBe(201);
    expect(body.metadata.uid).not.toBe('mine');
    expect(body.metadata.creationTimestamp).not.toContain('2001');
  });

  it('refuses a resourceVersion in a new object', async () => {
    const { code, body } = await lab.post(
      'configmaps',
      configMap('versioned', {}, { resourceVersion: '12' }),
    );

    expect(code).toBe(500);
    expect(body.message).toContain('resourceVersion should not be set on objects to be created');
  });

  it('refuses an object without a name', async () => {
    const { code, body } = await lab.post('configmaps', { kind: 'ConfigMap', metadata: {} });

    expect(code).toBe(422);
    expect(body.reason).toBe('Invalid');
    expect(body.message).toContain('name or generateName is required');
  });

  it('refuses a name that is no DNS name, saying what is allowed', async () => {
    const { code, body } = await lab.post('configmaps', configMap('Not_A_Name'));

    expect(code).toBe(422);
    expect(body.message).toContain('metadata.name: Invalid value: "Not_A_Name"');
    expect(body.message).toContain('must consist of lower case alphanumeric characters');
  });

  it('refuses a namespace that is not the one of the URL', async () => {
    const { code, body } = await lab.post('configmaps', configMap('elsewhere', {}, { namespace: 'default' }));

    expect(code).toBe(400);
    expect(body.message).toContain('does not match the namespace');
  });

  it('answers 404 for a namespace that is not there', async () => {
    const { code, body } = await lab.wire.request('POST', '/api/v1/namespaces/no-such-namespace/configmaps', {
      body: configMap('lost'),
    });

    expect(code).toBe(404);
    expect(body.message).toBe('namespaces "no-such-namespace" not found');
  });

  it("refuses another kind than the URL's", async () => {
    const { code, body } = await lab.post('configmaps', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'x' },
    });

    expect(code).toBe(400);
    expect(body.reason).toBe('BadRequest');
  });

  it('refuses a body that is no JSON', async () => {
    const { code } = await lab.wire.request('POST', await lab.url('configmaps'), { body: '{"kind": ' });

    expect(code).toBe(400);
  });

  it('takes YAML', async () => {
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: b\n';

    const answer = await lab.wire.request('POST', await lab.url('configmaps'), {
      body,
      contentType: 'application/yaml',
    });

    expect(answer.code).toBe(201);
    expect(answer.body.data).toEqual({ a: 'b' });
  });

  it('refuses a media type it does not know with 415', async () => {
    const { code } = await lab.wire.request('POST', await lab.url('configmaps'), {
      body: 'x',
      contentType: 'text/plain',
    });

    expect(code).toBe(415);
  });

  it('does not answer in a media type it does not have', async () => {
    const { code } = await lab.wire.request('GET', await lab.url('configmaps'), { accept: 'text/html' });

    expect(code).toBe(406);
  });
});

describe('reading', () => {
  it('answers 404 with a Status for what is not there', async () => {
    const { code, body } = await lab.read('configmaps', 'missing');

    expect(code).toBe(404);
    expect(body).toMatchObject({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason: 'NotFound',
      message: 'configmaps "missing" not found',
      details: { name: 'missing', kind: 'configmaps' },
    });
  });

  it('answers 404 for a resource that is not served', async () => {
    const { code, body } = await lab.wire.request('GET', '/apis/nothing.example.com/v1/things');

    expect(code).toBe(404);
    expect(typeof body === 'string' || body.reason === 'NotFound').toBe(true);
  });

  it('gives kind and apiVersion', async () => {
    await cm('typed');

    expect(await lab.get('configmaps', 'typed')).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
  });

  it('gives metadata alone when asked for it', async () => {
    await cm('meta');
    const accept = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';

    const { body } = await lab.wire.request('GET', await lab.url('configmaps', 'meta'), { accept });

    expect(body.kind).toBe('PartialObjectMetadata');
    expect(body.metadata.name).toBe('meta');
    expect(body.data).toBeUndefined();
  });

  it('gives a table when asked for it', async () => {
    await cm('tabled');
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

    const { body } = await lab.wire.request('GET', await lab.url('configmaps', 'tabled'), { accept });

    expect(body.kind).toBe('Table');
    expect(body.columnDefinitions.map((column: Json) => column.name)).toEqual(['Name', 'Data', 'Age']);
    expect(body.rows[0].cells.slice(0, 2)).toEqual(['tabled', 1]);
    expect(body.rows[0].object.metadata.name).toBe('tabled');
  });

  it('refuses a method that the resource does not have with 405', async () => {
    const { code, body } = await lab.wire.request('PUT', await lab.url('configmaps'), {
      body: configMap('x'),
    });

    expect(code).toBe(405);
    expect(body.reason).toBe('MethodNotAllowed');
  });
});

describe('putting what is not there', () => {
  const lease = (name: string, metadata: Json = {}): Json => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, ...metadata },
    spec: { holderIdentity: 'me' },
  });
  const uid = '11111111-2222-3333-4444-555555555555';
  const mismatch = `Precondition failed: UID in precondition: ${uid}, UID in object meta: `;

  it('creates a Lease, also with the resourceVersion of one that was deleted', async () => {
    const made = await lab.create('leases', lease('deleted'));
    await lab.remove('leases', 'deleted');

    const { uid: _uid, ...metadata } = made.metadata as Record<string, unknown>;
    const { code, body } = await lab.put('leases', 'deleted', { ...made, metadata });

    expect(code).toBe(201);
    expect(body.metadata.uid).not.toBe(made.metadata.uid);
    expect(body.metadata.resourceVersion).not.toBe(made.metadata.resourceVersion);
    expect(body.spec.holderIdentity).toBe('me');
  });

  it('creates no Lease whose uid is given: 409', async () => {
    const { code, body } = await lab.put('leases', 'named', lease('named', { uid, resourceVersion: '1' }));

    expect(code).toBe(409);
    expect(body).toMatchObject({ reason: 'Conflict', details: { name: 'named', kind: 'leases' } });
    expect(body.message).toContain(mismatch);
    expect((await lab.read('leases', 'named')).code).toBe(404);
  });

  it('is a conflict for every kind, when a uid is given', async () => {
    const { code, body } = await lab.put('configmaps', 'named', configMap('named', {}, { uid }));

    expect(code).toBe(409);
    expect(body.message).toContain(mismatch);
  });

  it('is a conflict when another object of that name is there', async () => {
    const made = await lab.create('leases', lease('another'));

    const { code, body } = await lab.put('leases', 'another', lease('another', { uid }));

    expect(code).toBe(409);
    expect(body.message).toContain(mismatch + String(made.metadata.uid));
  });

  it.each([
    ['endpoints', { apiVersion: 'v1', kind: 'Endpoints' }],
    ['limitranges', { apiVersion: 'v1', kind: 'LimitRange', spec: { limits: [] } }],
  ])('creates %s', async (plural, object) => {
    const { code } = await lab.put(plural, 'put', { ...object, metadata: { name: 'put' } });

    expect(code).toBe(201);
  });

  it('creates a Role', async () => {
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${lab.namespace}/roles/put`;
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'put' },
      rules: [],
    };

    const { code } = await lab.wire.request('PUT', path, { body: role });

    expect(code).toBe(201);
  });

  it.each([
    ['secrets', { apiVersion: 'v1', kind: 'Secret' }],
    ['serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount' }],
    ['deployments', deployment('put')],
    ['services', service('put', { app: 'put' })],
  ])('creates no %s: 404', async (plural, object) => {
    const { code } = await lab.put(plural, 'put', { ...object, metadata: { name: 'put' } });

    expect(code).toBe(404);
  });
});

describe('updating', () => {
  it('changes the resourceVersion and keeps uid and creation time', async () => {
    const made = await cm('updated');

    const { code, body } = await lab.put('configmaps', 'updated', { ...made, data: { key: 'new' } });

    expect(code).toBe(200);
    expect(body.metadata.uid).toBe(made.metadata.uid);
    expect(body.metadata.creationTimestamp).toBe(made.metadata.creationTimestamp);
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
  });

  it('leaves the resourceVersion alone when nothing changes', async () => {
    const made = await cm('same');

    const { body } = await lab.put('configmaps', 'same', made);

    expect(body.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  it('refuses a stale resourceVersion with 409 Conflict', async () => {
    const made = await cm('stale');
    await lab.put('configmaps', 'stale', { ...made, data: { key: 'first' } });

    const { code, body } = await lab.put('configmaps', 'stale', { ...made, data: { key: 'second' } });

    expect(code).toBe(409);
    expect(body.reason).toBe('Conflict');
    expect(body.message).toBe(
      'Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  it('needs no resourceVersion', async () => {
    await cm('unguarded');

    const { code } = await lab.put('configmaps', 'unguarded', configMap('unguarded', { key: 'forced' }));

    expect(code).toBe(200);
  });

  it('refuses another uid', async () => {
    const made = await cm('replaced');

    const { code } = await lab.put('configmaps', 'replaced', {
      ...made,
      metadata: { ...made.metadata, uid: 'another' },
    });

    expect(code).toBe(409);
  });

  it("refuses another name than the URL's", async () => {
    await cm('renamed');

    const { code, body } = await lab.put('configmaps', 'renamed', configMap('other'));

    expect(code).toBe(400);
    expect(body.message).toContain(
      'the name of the object (other) does not match the name on the URL (renamed)',
    );
  });

  it('answers 404 when the object is not there', async () => {
    const { code } = await lab.put('configmaps', 'nobody', configMap('nobody'));

    expect(code).toBe(404);
  });

  it('counts generations by the spec alone', async () => {
    const made = await lab.create('deployments', deployment('counted', { replicas: 0 }));
    const labelled = await lab.patch('deployments', 'counted', { metadata: { labels: { a: 'b' } } });
    const paused = await lab.patch('deployments', 'counted', { spec: { minReadySeconds: 1 } });

    expect([made, labelled.body, paused.body].map((object) => object.metadata.generation)).toEqual([1, 1, 2]);
  });

  it('does not take status through the main resource, nor spec through status', async () => {
    await lab.create('poddisruptionbudgets', {
      kind: 'PodDisruptionBudget',
      metadata: { name: 'parted' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'nothing' } } },
    });
    const made = await lab.until(
      'poddisruptionbudgets',
      'parted',
      (budget) => budget.status?.observedGeneration === 1,
    );
    const changed = structuredClone(made);
    changed.status.expectedPods = 77;

    const { code, body } = await lab.put('poddisruptionbudgets', 'parted', changed);

    expect(code).toBe(200);
    expect(body.status.expectedPods).toBe(0);
  });

  it('keeps an immutable ConfigMap as it is', async () => {
    await lab.create('configmaps', { ...configMap('fixed'), immutable: true });

    const { code, body } = await lab.patch('configmaps', 'fixed', { data: { key: 'other' } });

    expect(code).toBe(422);
    expect(body.message).toContain('field is immutable when `immutable` is set');
  });
});

describe('deleting', () => {
  it('answers with a Status that names the object', async () => {
    const made = await cm('deleted');

    const { code, body } = await lab.remove('configmaps', 'deleted');

    expect(code).toBe(200);
    expect(body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'deleted', kind: 'configmaps', uid: made.metadata.uid },
    });
    expect((await lab.read('configmaps', 'deleted')).code).toBe(404);
  });

  it('answers 404 the second time', async () => {
    await cm('twice');
    await lab.remove('configmaps', 'twice');

    expect((await lab.remove('configmaps', 'twice')).code).toBe(404);
  });

  it('minds a uid and a resourceVersion in its preconditions', async () => {
    const made = await cm('guarded');

    const wrongUid = await lab.remove('configmaps', 'guarded', { preconditions: { uid: 'another' } });
    const wrongVersion = await lab.remove('configmaps', 'guarded', {
      preconditions: { resourceVersion: '1' },
    });
    const right = await lab.remove('configmaps', 'guarded', { preconditions: { uid: made.metadata.uid } });

    expect([wrongUid.code, wrongVersion.code, right.code]).toEqual([409, 409, 200]);
    expect(wrongUid.body.message).toMatch(/precondition.*another/i);
  });

  it('removes a collection by labels', async () => {
    for (const name of ['many-1', 'many-2', 'other-1']) {
      await lab.create('configmaps', configMap(name, {}, { labels: { set: name.slice(0, 4) } }));
    }

    const { code } = await lab.wire.request('DELETE', await lab.url('configmaps'), {
      query: { labelSelector: 'set=many' },
    });

    expect(code).toBe(200);
    const left = await lab.read('configmaps', undefined, { labelSelector: 'set' });
    expect(left.body.items.map((item: Json) => item.metadata.name)).toEqual(['other-1']);
  });
});

describe('dry run', () => {
  it('of a create answers as if and stores nothing', async () => {
    const { code, body } = await lab.post('deployments', deployment('dry'), { dryRun: 'All' });

    expect(code).toBe(201);
    expect(body.spec.revisionHistoryLimit).toBe(10);
    expect((await lab.read('deployments', 'dry')).code).toBe(404);
  });

  it('of a create still finds mistakes', async () => {
    const { code } = await lab.post('deployments', deployment('dry', { replicas: -1 }), { dryRun: 'All' });

    expect(code).toBe(422);
  });

  it('of a patch changes nothing', async () => {
    const made = await cm('dry-patched');

    const { code, body } = await lab.patch('configmaps', 'dry-patched', { data: { key: 'dry' } }, 'merge', {
      query: { dryRun: 'All' },
    });

    expect(code).toBe(200);
    expect(body.data.key).toBe('dry');
    expect((await lab.get('configmaps', 'dry-patched')).metadata.resourceVersion).toBe(
      made.metadata.resourceVersion,
    );
  });

  it('of a delete leaves the object', async () => {
    await cm('dry-deleted');

    const { code } = await lab.remove('configmaps', 'dry-deleted', { dryRun: ['All'] });

    expect(code).toBe(200);
    expect((await lab.read('configmaps', 'dry-deleted')).code).toBe(200);
  });

  it('refuses another value than All', async () => {
    const { code, body } = await lab.post('configmaps', configMap('dry'), { dryRun: 'Some' });

    expect([400, 422]).toContain(code);
    expect(body.message).toContain('supported values: "All"');
  });
});

describe('Secrets and Services', () => {
  it('stringData becomes data', async () => {
    const secret = { kind: 'Secret', metadata: { name: 'words' }, stringData: { password: 'open' } };

    const made = await lab.create('secrets', secret);

    expect(made.data).toEqual({ password: Buffer.from('open').toString('base64') });
    expect(made.stringData).toBeUndefined();
    expect(made.type).toBe('Opaque');
  });

  it('the type of a Secret does not change', async () => {
    await lab.create('secrets', { kind: 'Secret', metadata: { name: 'typed' } });

    const { code, body } = await lab.patch('secrets', 'typed', { type: 'example.com/other' });

    expect(code).toBe(422);
    expect(body.message).toContain('field is immutable');
  });

  it('a Service gets an address of its own and keeps it', async () => {
    const [first, second] = [
      await lab.create('services', service('one')),
      await lab.create('services', service('two')),
    ];
    const { code, body } = await lab.patch('services', 'one', { spec: { clusterIP: second.spec.clusterIP } });

    expect(first.spec.clusterIP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(first.spec.clusterIP).not.toBe(second.spec.clusterIP);
    expect(code).toBe(422);
    expect(body.message).toMatch(
      /spec\.clusterIPs?(\[0\])?: Invalid value: .*(may not change once set|field is immutable)/,
    );
  });

  it('a NodePort Service gets a port of the range', async () => {
    const made = await lab.create('services', service('node', { type: 'NodePort' }));

    expect(made.spec.ports[0].nodePort).toBeGreaterThanOrEqual(30_000);
    expect(made.spec.ports[0].nodePort).toBeLessThanOrEqual(32_767);
  });
});
