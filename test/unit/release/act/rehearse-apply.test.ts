import { describe, expect, it } from '@jest/globals';
import type { ManagedFields } from '../../../../src/kubernetes/field-set.ts';
import { NotFoundError, RejectedError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { predictedPatch } from '../../../../src/release/act/predict-apply.ts';
import { rehearseApply } from '../../../../src/release/act/rehearse-apply.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

const options = { signal: new AbortController().signal };
const dryRun = { ...options, dryRun: true };
const result = configMap({ result: 'yes' });

function configMap(data: object, managedFields?: ManagedFields[], kind = 'ConfigMap'): KubernetesObject {
  const metadata = { name: 'web', namespace: 'shop' };
  return {
    ...{ apiVersion: kind === 'Job' ? 'batch/v1' : 'v1', kind, data },
    metadata: managedFields === undefined ? metadata : { ...metadata, managedFields },
  };
}

function wrote(manager: string, data: object, operation: 'Apply' | 'Update' = 'Update'): ManagedFields {
  return {
    manager,
    operation,
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:data': data as never },
  };
}

/** A cluster that answers with {@link result}, or with these errors. */
function answering({ apply, patch }: { apply?: Error; patch?: Error } = {}) {
  const cluster = new FakeCluster();
  const sent: unknown[] = [];
  const answer = (verb: string, error: Error | undefined) =>
    ((...args: unknown[]) => {
      sent.push([verb, ...args]);
      return error === undefined ? Promise.resolve(result) : Promise.reject(error);
    }) as never;
  cluster.apply = answer('apply', apply);
  cluster.patch = answer('patch', patch);
  const ports = { cluster, clock: new VirtualClock(), force: false };
  return { sent, ports };
}

const kubectl = [wrote('kubectl-create', { 'f:a': {}, 'f:b': {} })];
const applied = (object: KubernetesObject, force: boolean) => [
  'apply',
  object,
  { ...dryRun, fieldManager: 'slipway', force },
];

describe('the rehearsal of an apply', () => {
  const manifest = configMap({ a: '2', b: '2' });

  it('is a dry run where nothing is there, or all is Slipway’s already', async () => {
    const { sent, ports } = answering();
    const own = configMap({ a: '1' }, [wrote('slipway', { 'f:a': {} }, 'Apply')]);

    expect(await rehearseApply(manifest, undefined, ports, options)).toBe(result);
    expect(await rehearseApply(manifest, own, ports, options)).toBe(result);

    expect(sent).toEqual([applied(manifest, false), applied(manifest, false)]);
  });

  it('takes what will be Slipway’s by force', async () => {
    const { sent, ports } = answering();

    expect(await rehearseApply(manifest, configMap({ a: '1', b: '1' }, kubectl), ports, options)).toBe(
      result,
    );

    expect(sent).toEqual([applied(manifest, true)]);
  });

  it('is a patch where fields will have gone', async () => {
    const { sent, ports } = answering();
    const less = configMap({ a: '2' });

    expect(await rehearseApply(less, configMap({ a: '1', b: '1' }, kubectl), ports, options)).toBe(result);

    expect(sent).toEqual([
      applied(less, true),
      [
        'patch',
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'web', namespace: 'shop' },
        { type: 'merge', body: { data: { a: '2', b: null } } },
        dryRun,
      ],
    ]);
  });

  it('is refused for what is being deleted, and for what another one applies', async () => {
    const { sent, ports } = answering();
    const live = configMap({ a: '1', b: '1' }, kubectl);
    const going = { ...live, metadata: { ...live.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const contested = configMap({ a: '1', b: '1' }, [
      wrote('kubectl-create', { 'f:b': {} }),
      wrote('argocd', { 'f:a': {} }, 'Apply'),
    ]);

    await expect(rehearseApply(manifest, going, ports, options)).rejects.toThrow(/it is being deleted/);
    await expect(rehearseApply(manifest, contested, ports, options)).rejects.toThrow(
      /conflict with "argocd"/,
    );
    expect(sent).toEqual([]);
  });

  const less = (kind = 'ConfigMap') => configMap({ a: '2' }, undefined, kind);
  const live = (kind = 'ConfigMap') => configMap({ a: '1', b: '1' }, kubectl, kind);

  it('takes no notice of a field that is invalid while others are there', async () => {
    const { ports } = answering({ apply: new RejectedError('no', { reason: 'Invalid' }) });

    expect(await rehearseApply(less(), live(), ports, options)).toBe(result);
  });

  it.each([
    ['another refusal', new RejectedError('no', { reason: 'BadRequest' })],
    ['another error', new NotFoundError('no', { reason: 'Invalid' })],
  ])('fails with %s', async (_, error) => {
    const { sent, ports } = answering({ apply: error });

    await expect(rehearseApply(less(), live(), ports, options)).rejects.toBe(error);
    expect(sent).toHaveLength(1);
  });

  it('gives a Job that will be made anew as it is, and fails with any other error of the patch', async () => {
    const error = new RejectedError('field is immutable');
    const { ports } = answering({ patch: error });
    const job = less('Job');

    expect(await rehearseApply(job, live('Job'), ports, options)).toBe(job);
    await expect(rehearseApply(less(), live(), ports, options)).rejects.toBe(error);
  });
});

describe('the patch that is predicted', () => {
  const separator = (...elements: string[]) => elements.join('\u0000');
  const one = 'k:{"name":"one"}';
  const two = 'k:{"name":"two"}';
  const listOf = (...items: object[]) => configMap({ list: items });
  const managed = (items: Record<string, object>) => [wrote('x', { 'f:list': items })];
  const patchOf = (live: KubernetesObject, manifest: KubernetesObject, ...dropped: string[]) =>
    predictedPatch(live, manifest, new Set(dropped));

  it('merges the items of a list that managers tell apart, and keeps those that others have', () => {
    const live = configMap(
      {
        list: [
          { name: 'one', a: 1, b: 1 },
          { name: 'two', a: 1 },
        ],
      },
      managed({ [one]: { '.': {}, 'f:a': {}, 'f:b': {}, 'f:name': {} }, [two]: { '.': {}, 'f:name': {} } }),
    );
    const manifest = listOf({ name: 'one', a: 2 }, { name: 'new' });

    expect(predictedPatch(live, { ...manifest, metadata: live.metadata }, new Set())).toEqual({
      data: { list: [{ name: 'one', a: 2, b: 1 }, { name: 'new' }, { name: 'two', a: 1 }] },
    });
  });

  it('replaces a list whose items no manager tells apart', () => {
    expect(patchOf(listOf({ name: 'one', a: 1 }), listOf({ name: 'one' }))).toEqual({
      data: { list: [{ name: 'one' }] },
    });
    expect(patchOf(configMap({ list: 'text' }), listOf({ name: 'one' }))).toEqual({
      data: { list: [{ name: 'one' }] },
    });
  });

  it('keeps an item that no manager names', () => {
    const live = configMap({ list: [{ name: 'one' }, { name: 'bare' }] }, managed({ [one]: { '.': {} } }));

    expect(patchOf(live, listOf({ name: 'one', a: 1 }))).toEqual({
      data: { list: [{ name: 'one', a: 1 }, { name: 'bare' }] },
    });
  });

  it('replaces a list whose items managers tell apart by their place alone', () => {
    const live = configMap({ list: [{ a: 1 }] }, managed({ 'i:0': { 'f:a': {} } }));

    expect(patchOf(live, listOf({ a: 2 }))).toEqual({ data: { list: [{ a: 2 }] } });
  });

  it('puts a map where there was none, and a text where there was a map', () => {
    const live = configMap({ text: 'x', map: { a: '1' } });
    const manifest = configMap({ added: { a: '1' }, text: { a: '1' }, map: 'x' });

    expect(patchOf(live, manifest)).toEqual({ data: { added: { a: '1' }, text: { a: '1' }, map: 'x' } });
  });

  const at = (...names: string[]) => separator('f:data', ...names.map((name) => `f:${name}`));

  it('takes away what is dropped, in whatever order it is named', () => {
    const live = configMap({ a: '1', map: { b: { c: '1' } }, full: { c: '1', d: '1' } });
    const map = [at('map'), at('map', 'b'), at('map', 'b', 'c')];
    const dropped = [at('a'), ...map, at('full'), at('full', 'c')];
    const patch = { data: { a: null, map: null, full: { c: null } } };

    expect(patchOf(live, configMap({}), ...dropped)).toEqual(patch);
    expect(patchOf(live, configMap({}), ...dropped.reverse())).toEqual(patch);
  });

  it('takes away what gets empty by that, and what that stood in alone', () => {
    const live = configMap({ outer: { inner: { a: '1' } }, kept: 'x' });

    expect(patchOf(live, configMap({}), at('outer', 'inner', 'a'))).toEqual({ data: { outer: null } });
  });

  it('takes away items that are dropped, and the list with the last of them', () => {
    const live = configMap({ list: [{ name: 'one' }, { name: 'two' }], kept: 'x' });
    const first = separator('f:data', 'f:list', one);
    const second = separator('f:data', 'f:list', two);
    const name = separator(first, 'f:name');

    expect(patchOf(live, configMap({}), first)).toEqual({ data: { list: [{ name: 'two' }] } });
    // Without its name it could not be found.
    expect(patchOf(live, configMap({}), name, first)).toEqual({ data: { list: [{ name: 'two' }] } });
    expect(patchOf(live, configMap({}), first, second)).toEqual({ data: { list: null } });
    expect(patchOf(live, listOf({ name: 'new' }), first, second)).toEqual({
      data: { list: [{ name: 'new' }] },
    });
  });
});
