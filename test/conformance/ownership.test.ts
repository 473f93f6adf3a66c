import { describe, expect, it } from '@jest/globals';
import { useLab } from './lab.ts';
import { configMap, deployment } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('ownership');
const reference = (owner: Json, more: Json = {}): Json => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  ...more,
});
const owned = (name: string, owners: Json[], metadata: Json = {}): Promise<Json> =>
  lab.create('configmaps', configMap(name, {}, { ownerReferences: owners, ...metadata }));
const isGone = (object: Json): boolean => object === undefined;
/** The collector of a real cluster needs a moment to learn of new objects. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 500));

describe('finalizers', () => {
  it('hold an object that is deleted until the last one is taken off', async () => {
    await lab.create('configmaps', configMap('held', {}, { finalizers: ['example.com/a', 'example.com/b'] }));

    const deleted = await lab.remove('configmaps', 'held');
    const first = await lab.patch('configmaps', 'held', { metadata: { finalizers: ['example.com/b'] } });
    const last = await lab.patch('configmaps', 'held', { metadata: { finalizers: null } });

    expect(deleted.code).toBe(200);
    expect(deleted.body.metadata.deletionTimestamp).toBeDefined();
    expect(first.body.metadata.finalizers).toEqual(['example.com/b']);
    expect(last.code).toBe(200);
    expect((await lab.read('configmaps', 'held')).code).toBe(404);
  });

  it('cannot be added to what is going', async () => {
    await lab.create('configmaps', configMap('going', {}, { finalizers: ['example.com/a'] }));
    await lab.remove('configmaps', 'going');

    const { code, body } = await lab.patch('configmaps', 'going', {
      metadata: { finalizers: ['example.com/a', 'example.com/new'] },
    });

    expect(code).toBe(422);
    expect(body.message).toContain('no new finalizers can be added if the object is being deleted');
    await lab.patch('configmaps', 'going', { metadata: { finalizers: null } });
  });

  it('must have a name of two parts', async () => {
    const { code, body } = await lab.post('configmaps', configMap('bad', {}, { finalizers: ['plain'] }));

    // Newer releases only warn.
    if (code === 422) expect(body.message).toContain('metadata.finalizers');
    else expect(code).toBe(201);
    await lab.patch('configmaps', 'bad', { metadata: { finalizers: null } });
  });

  it('let a second delete pass without effect', async () => {
    await lab.create('configmaps', configMap('again', {}, { finalizers: ['example.com/a'] }));
    const first = await lab.remove('configmaps', 'again');

    const second = await lab.remove('configmaps', 'again');

    expect(second.code).toBe(200);
    expect(second.body.metadata.deletionTimestamp).toBe(first.body.metadata.deletionTimestamp);
    await lab.patch('configmaps', 'again', { metadata: { finalizers: null } });
  });
});

describe('owners', () => {
  it('take what they own with them', async () => {
    const owner = await lab.create('configmaps', configMap('owner'));
    await owned('dependent', [reference(owner)]);
    await settle();

    await lab.remove('configmaps', 'owner');

    await lab.until('configmaps', 'dependent', isGone);
  });

  it('take the dependents of their dependents too', async () => {
    const owner = await lab.create('configmaps', configMap('root'));
    const child = await owned('child', [reference(owner)]);
    await owned('grandchild', [reference(child)]);
    await settle();

    await lab.remove('configmaps', 'root');

    await lab.until('configmaps', 'grandchild', isGone);
  });

  it('leave what has another owner, without the reference to them', async () => {
    const [first, second] = [
      await lab.create('configmaps', configMap('first')),
      await lab.create('configmaps', configMap('second')),
    ];
    await owned('both', [reference(first), reference(second)]);
    await settle();

    await lab.remove('configmaps', 'first');

    const left = await lab.until(
      'configmaps',
      'both',
      (object) => object?.metadata.ownerReferences?.length === 1,
    );
    expect(left.metadata.ownerReferences[0].name).toBe('second');
  });

  it('that never were are as good as gone', async () => {
    await owned('foundling', [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: '00000000-0000-4000-8000-000000000000' },
    ]);

    await lab.until('configmaps', 'foundling', isGone);
  });

  it('of the same name but another uid do not count', async () => {
    const owner = await lab.create('configmaps', configMap('namesake'));
    await owned('stranger', [reference(owner, { uid: '00000000-0000-4000-8000-000000000001' })]);

    await lab.until('configmaps', 'stranger', isGone);
  });

  it('deleted in the foreground wait for the dependents that block them', async () => {
    const owner = await lab.create('configmaps', configMap('waiting'));
    await owned('blocking', [reference(owner, { blockOwnerDeletion: true })], {
      finalizers: ['example.com/hold'],
    });
    await settle();

    const { body } = await lab.remove('configmaps', 'waiting', { propagationPolicy: 'Foreground' });
    const dependent = await lab.until(
      'configmaps',
      'blocking',
      (object) => object?.metadata.deletionTimestamp !== undefined,
    );

    expect(body.metadata.finalizers).toEqual(['foregroundDeletion']);
    expect(dependent.metadata.finalizers).toContain('example.com/hold');
    expect((await lab.read('configmaps', 'waiting')).code).toBe(200);
    await lab.patch('configmaps', 'blocking', { metadata: { finalizers: null } });
    await lab.until('configmaps', 'waiting', isGone);
  });

  it('deleted in the foreground do not wait for the others', async () => {
    const owner = await lab.create('configmaps', configMap('hasty'));
    await owned('slow', [reference(owner)], { finalizers: ['example.com/hold'] });
    await settle();

    await lab.remove('configmaps', 'hasty', { propagationPolicy: 'Foreground' });

    await lab.until('configmaps', 'hasty', isGone);
    await lab.patch('configmaps', 'slow', { metadata: { finalizers: null } });
  });

  it('let go of what they own when it is to be orphaned', async () => {
    const owner = await lab.create('configmaps', configMap('parting'));
    await owned('orphan', [reference(owner)]);
    await settle();

    await lab.remove('configmaps', 'parting', { propagationPolicy: 'Orphan' });

    await lab.until('configmaps', 'parting', isGone);
    const orphan = await lab.until(
      'configmaps',
      'orphan',
      (object) => object?.metadata.ownerReferences === undefined,
    );
    expect(orphan).toBeDefined();
  });

  it('take the policy from the query as well', async () => {
    const owner = await lab.create('configmaps', configMap('asked'));
    await owned('asked-orphan', [reference(owner)]);
    await settle();

    await lab.wire.request('DELETE', await lab.url('configmaps', 'asked'), {
      query: { propagationPolicy: 'Orphan' },
    });

    await lab.until('configmaps', 'asked-orphan', (object) => object?.metadata.ownerReferences === undefined);
  });

  it('must be named in full', async () => {
    const { code, body } = await lab.post(
      'configmaps',
      configMap('vague', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x' }] }),
    );

    expect(code).toBe(422);
    expect(body.message).toContain('metadata.ownerReferences');
  });

  it('one of them at most is the controller', async () => {
    const owner = await lab.create('configmaps', configMap('two-controllers'));
    const controller = reference(owner, { controller: true });

    const { code, body } = await lab.post(
      'configmaps',
      configMap(
        'torn',
        {},
        {
          ownerReferences: [
            controller,
            { ...controller, uid: '00000000-0000-4000-8000-000000000002', name: 'x' },
          ],
        },
      ),
    );

    expect(code).toBe(422);
    expect(body.message).toContain('Only one reference can have Controller set to true');
  });

  it('a Deployment takes its ReplicaSets with it in the background, unless they are orphaned', async () => {
    await lab.create('deployments', deployment('kept', { replicas: 0 }));
    await lab.create('deployments', deployment('dropped', { replicas: 0 }));
    const setsOf = (app: string, count: number): Promise<Json[]> =>
      lab.untilList('replicasets', { labelSelector: `app=${app}` }, (items) => items.length === count);
    await setsOf('kept', 1);
    await setsOf('dropped', 1);
    await settle();

    await lab.remove('deployments', 'kept', { propagationPolicy: 'Orphan' });
    await lab.remove('deployments', 'dropped');

    await setsOf('dropped', 0);
    await lab.until('deployments', 'kept', isGone);
    const [left] = await setsOf('kept', 1);
    expect(left.metadata.ownerReferences).toBeUndefined();
  });
});

describe('namespaces', () => {
  it('come with a service account and the CA', async () => {
    await lab.until('configmaps', 'kube-root-ca.crt', (object) =>
      object?.data?.['ca.crt']?.startsWith('-----BEGIN CERTIFICATE'),
    );
    expect((await lab.read('serviceaccounts', 'default')).code).toBe(200);
  });

  it('get them back when they are deleted', async () => {
    const before = await lab.until('configmaps', 'kube-root-ca.crt', (object) => object !== undefined);

    await lab.remove('configmaps', 'kube-root-ca.crt');

    await lab.until(
      'configmaps',
      'kube-root-ca.crt',
      (object) => object !== undefined && object.metadata.uid !== before.metadata.uid,
    );
  });

  it('are emptied before they go, and take nothing new meanwhile', async () => {
    const name = `${lab.namespace}-gone`;
    const url = `/api/v1/namespaces/${name}`;
    await lab.wire.request('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    });
    await lab.wire.request('POST', `${url}/configmaps`, {
      body: configMap('holding', {}, { finalizers: ['example.com/hold'] }),
    });

    const deleted = await lab.wire.request('DELETE', url);
    const late = await lab.wire.request('POST', `${url}/configmaps`, { body: configMap('late') });
    const during = await lab.wire.request('GET', url);

    expect(deleted.code).toBe(200);
    expect(during.body).toMatchObject({
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Terminating' },
    });
    expect(late.code).toBe(403);
    expect(late.body.message).toContain(
      `unable to create new content in namespace ${name} because it is being terminated`,
    );
    await lab.wire.request('PATCH', `${url}/configmaps/holding`, {
      contentType: 'application/merge-patch+json',
      body: { metadata: { finalizers: null } },
    });
    let code = 200;
    for (let tries = 0; tries < 150 && code !== 404; tries += 1) {
      ({ code } = await lab.wire.request('GET', url));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(code).toBe(404);
  });

  it('default, kube-system and kube-public are there', async () => {
    const { body } = await lab.wire.request('GET', '/api/v1/namespaces');

    expect(body.items.map((item: Json) => item.metadata.name)).toEqual(
      expect.arrayContaining(['default', 'kube-system', 'kube-public']),
    );
  });

  it('that are not named like DNS labels are refused', async () => {
    const { code } = await lab.wire.request('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a.b' } },
    });

    expect(code).toBe(422);
  });
});
