import { describe, expect, it } from '@jest/globals';
import type { ManagedFields } from '../../../../src/kubernetes/field-set.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { asksEarlier, decideOwnership, restoredManagers } from '../../../../src/release/act/ownership.ts';
import {
  assertUncontested,
  ownershipOf,
  returnOwnership,
  takeOwnership,
} from '../../../../src/release/act/take-ownership.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };

function configMap(data: Record<string, string>, managedFields?: ManagedFields[]): KubernetesObject {
  const metadata = { name: 'web', namespace: 'shop', resourceVersion: '1' };
  return {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', data },
    metadata: managedFields === undefined ? metadata : { ...metadata, managedFields },
  };
}

/** That a manager has written keys of the data. */
function wrote(manager: string, keys: string[], more: Partial<ManagedFields> = {}): ManagedFields {
  const fields = Object.fromEntries(keys.map((key) => [`f:${key}`, {}]));
  return {
    ...{ manager, operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1' },
    fieldsV1: { 'f:data': fields },
    ...more,
  };
}

/** A cluster that keeps what is sent to it. */
function recording(applied: KubernetesObject = configMap({})) {
  const sent: unknown[] = [];
  const cluster = new FakeCluster();
  cluster.patch = ((...args: unknown[]) => {
    sent.push(args.slice(0, 2));
    return Promise.resolve(configMap({ patched: 'yes' }));
  }) as unknown as typeof cluster.patch;
  cluster.apply = ((...args: unknown[]) => {
    sent.push(args);
    return Promise.resolve(applied);
  }) as unknown as typeof cluster.apply;
  return { cluster, sent };
}

const clock = { now: () => Date.parse('2026-02-03T04:05:06.789Z') };
const decide = (
  manifest: KubernetesObject,
  live: KubernetesObject,
  more: { earlier?: KubernetesObject[]; force?: boolean } = {},
) => decideOwnership({ manifest, live, earlier: [], force: false, nowMs: clock.now(), ...more });

const own = wrote('slipway', ['a', 'b'], { operation: 'Apply' });

describe('the fields that Slipway takes over', () => {
  it('are written as a list of managers, for the object as it was seen', async () => {
    const { cluster, sent } = recording();
    const live = configMap({ a: '1', b: '2', c: '3' }, [wrote('kubectl-edit', ['a', 'c'])]);

    const after = await takeOwnership(configMap({ a: '2' }), live, { cluster, clock, force: false }, options);

    expect(after).toEqual(configMap({ patched: 'yes' }));
    const slipway = wrote('slipway', ['a'], { operation: 'Apply', time: '2026-02-03T04:05:06Z' });
    const value = [wrote('kubectl-edit', ['c']), slipway];
    const body = [
      { op: 'add', path: '/metadata/managedFields', value },
      { op: 'replace', path: '/metadata/resourceVersion', value: '1' },
    ];
    expect(sent).toEqual([
      [
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'web', namespace: 'shop' },
        { type: 'json', body },
      ],
    ]);
  });

  it('are none where they are Slipway’s already', async () => {
    const { cluster, sent } = recording();
    const live = configMap({ a: '1', b: '2' }, [own]);

    expect(await takeOwnership(configMap({ a: '2' }), live, { cluster, clock, force: false }, options)).toBe(
      live,
    );
    expect(sent).toEqual([]);
  });

  it('are not those that another one applies and the manifest has no more', async () => {
    const { cluster, sent } = recording();
    const argocd = wrote('argocd', ['a', 'b', 'c'], { operation: 'Apply' });
    const live = configMap({ a: '1', b: '2', c: '3' }, [own, argocd]);
    const earlier = async () => [configMap({ a: '1', b: '2', c: '3' })];
    const request = { cluster, clock, force: false, earlier };

    await expect(takeOwnership(configMap({ a: '2' }), live, request, options)).rejects.toMatchObject({
      code: 'field-conflict',
      fault: 'failure',
      message: 'ConfigMap shop/web: conflict with "argocd", which applies it too: .data.b, .data.c',
      hint: 'remove the field from the manifest, or take it over with "force: true" under deploy',
    });
    expect(sent).toEqual([]);
    await takeOwnership(configMap({ a: '2', b: '3', c: '3' }), live, request, options);
  });

  it('are given back with what others have written since', async () => {
    const { cluster, sent } = recording();
    const before = [wrote('kubectl', ['a'])];

    await returnOwnership(configMap({}, [own, wrote('other', ['c'])]), before, cluster, options);

    expect(sent).toMatchObject([[{}, { body: [{ value: [...before, wrote('other', ['c'])] }, {}] }]]);
  });
});

describe('who shall own an object', () => {
  it('is found for an object from before managers were recorded by a dry run', async () => {
    const applied = configMap({}, [wrote('before-first-apply', ['a'])]);
    const { cluster, sent } = recording(applied);
    const live = configMap({ a: '1' }, []);

    const found = await ownershipOf(configMap({ a: '2' }), live, { cluster, clock, force: false }, options);

    expect(sent).toEqual([
      [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web', namespace: 'shop' } },
        { ...options, dryRun: true, fieldManager: 'slipway', force: true },
      ],
    ]);
    expect(found.managedFields?.map(({ manager }) => manager)).toEqual(['slipway']);
  });

  it('asks what manifests had only where others own what this one does not say', async () => {
    const { cluster } = recording();
    let asked = 0;
    const earlier = async () => {
      asked += 1;
      return [configMap({ b: '1' })];
    };
    const ownership = (live: KubernetesObject) =>
      ownershipOf(configMap({ a: '1' }), live, { cluster, clock, force: false, earlier }, options);

    const without = await ownership(configMap({ a: '1' }, [wrote('other', ['a'])]));
    expect(asked).toBe(0);
    const found = await ownership(configMap({ a: '1', b: '2' }, [wrote('other', ['a', 'b'])]));

    expect(asked).toBe(1);
    expect([...found.dropped]).toHaveLength(1);
    expect([...without.dropped]).toEqual([]);
  });

  it('is asked for nothing of Slipway’s own, of kubectl, or that kubectl keeps itself', () => {
    const asks = (...managed: ManagedFields[]) => asksEarlier(configMap({}), configMap({}, managed));
    const annotations = { 'f:kubectl.kubernetes.io/last-applied-configuration': {} };

    expect(asks(wrote('other', ['b']))).toBe(true);
    expect(asks(wrote('slipway', ['b'], { operation: 'Apply' }))).toBe(false);
    expect(asks(wrote('slipway', ['b']))).toBe(true);
    expect(asks(wrote('kubectl-create', ['b']))).toBe(false);
    expect(asks(wrote('other', [], { fieldsV1: { 'f:metadata': { 'f:annotations': annotations } } }))).toBe(
      false,
    );
    expect(asks()).toBe(false);
  });

  it('is nobody else when nothing is contested', () => {
    const manifest = configMap({});
    const contested = [{ manager: 'argocd', fields: ['f:a'] }];

    expect(() =>
      assertUncontested(manifest, { managedFields: [], dropped: new Set(), contested: [] }),
    ).not.toThrow();
    expect(() => assertUncontested(manifest, { managedFields: [], dropped: new Set(), contested })).toThrow(
      'conflict with "argocd"',
    );
  });
});

describe('the managers of an object', () => {
  it('are not taken from where they wrote the status, or in a format of their own', () => {
    const status = wrote('kubectl', ['a'], { subresource: 'status' });
    const foreign = wrote('kubectl', ['a'], { fieldsType: 'FieldsV2' });

    for (const entry of [status, foreign]) {
      const { managedFields } = decide(configMap({ a: '2' }), configMap({ a: '1' }, [entry]));
      expect(managedFields).toBeUndefined();
    }
  });

  it('are not the one that keeps the replicas', () => {
    const entry = wrote('slipway-replicas', ['a']);

    expect(decide(configMap({ a: '2' }), configMap({ a: '1' }, [entry])).managedFields).toBeUndefined();
  });

  it('go when nothing is left of them', () => {
    const found = decide(configMap({ a: '2' }), configMap({ a: '1' }, [wrote('kubectl-edit', ['a'])]));

    expect(found.managedFields).toMatchObject([{ manager: 'slipway', fieldsType: 'FieldsV1' }]);
  });

  it('that have nothing to yield stay as they are, and Slipway’s own entry is one', () => {
    const other = wrote('other', ['z']);
    const live = configMap({ a: '1', b: '1', c: '1', z: '1' }, [other, own, wrote('kubectl', ['c'])]);

    const { managedFields = [], dropped } = decide(configMap({ a: '1', c: '2' }), live);

    expect(managedFields.map(({ manager }) => manager)).toEqual(['other', 'slipway']);
    expect(managedFields[0]).toBe(other);
    expect(managedFields[1]?.fieldsV1).toEqual({ 'f:data': { 'f:a': {}, 'f:b': {}, 'f:c': {} } });
    expect([...dropped]).toHaveLength(1);
  });

  it('that apply contest what differs alone, and yield by force', () => {
    const argocd = wrote('argocd', ['a', 'b'], { operation: 'Apply' });
    const live = configMap({ a: '1', b: '1' }, [argocd]);

    expect(decide(configMap({ a: '1', b: '1' }), live).contested).toEqual([]);
    expect(decide(configMap({ a: '1', b: '2' }), live)).toMatchObject({
      managedFields: undefined,
      contested: [{ manager: 'argocd', fields: [expect.stringMatching(/b$/)] }],
    });
    expect(decide(configMap({ a: '1', b: '2' }), live, { force: true })).toMatchObject({
      managedFields: [{ manager: 'slipway' }],
      contested: [],
    });
  });

  it('that kubectl applies for yield without force', () => {
    const kubectl = wrote('kubectl', ['a'], { operation: 'Apply' });

    expect(decide(configMap({ a: '2' }), configMap({ a: '1' }, [kubectl])).contested).toEqual([]);
  });

  it('lose what any earlier manifest said, and keep the rest', () => {
    const live = configMap({ b: '1', c: '1', d: '1' }, [wrote('kubectl-edit', ['b', 'c', 'd'])]);
    const earlier = [configMap({ b: '1' }), configMap({ c: '1' })];

    expect(decide(configMap({}), live, { earlier }).managedFields).toMatchObject([
      { manager: 'kubectl-edit', fieldsV1: { 'f:data': { 'f:d': {} } } },
      { manager: 'slipway', fieldsV1: { 'f:data': { 'f:b': {}, 'f:c': {} } } },
    ]);
  });

  it('are Helm’s before it had a name, where the object is of a chart', () => {
    const entry = wrote('Go-http-client', ['b']);
    const live = configMap({ b: '1' }, [entry]);
    const annotations = { 'meta.helm.sh/release-name': 'web' };
    const ofChart = { ...live, metadata: { ...live.metadata, annotations } };
    const other = { ...ofChart, metadata: { ...ofChart.metadata, managedFields: [wrote('other', ['b'])] } };
    const labelled = { ...live, metadata: { ...live.metadata, annotations: {} } };

    expect([...decide(configMap({}), ofChart).dropped]).toHaveLength(1);
    for (const object of [live, other, labelled])
      expect([...decide(configMap({}), object).dropped]).toEqual([]);
  });

  it('are restored by name, operation, version and subresource', () => {
    const before = [
      wrote('a', ['x']),
      wrote('a', ['x'], { subresource: 'status' }),
      wrote('a', ['x'], { apiVersion: 'v2' }),
      wrote('b', ['x'], { operation: 'Apply' }),
    ];
    const now = [
      own,
      wrote('a', ['y'], { time: 'later' }),
      wrote('b', ['y'], { operation: 'Apply', apiVersion: 'v2' }),
    ];

    expect(restoredManagers(before, configMap({}, now))).toEqual([
      wrote('a', ['x', 'y'], { time: 'later' }),
      before[1],
      before[2],
      wrote('b', ['x', 'y'], { operation: 'Apply', apiVersion: 'v2' }),
    ]);
  });
});
