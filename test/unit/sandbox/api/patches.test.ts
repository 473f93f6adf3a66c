import { describe, expect, it } from '@jest/globals';
import { applyPatch } from '../../../../src/sandbox/api/patch.ts';
import type { StatusError } from '../../../../src/sandbox/api/status-error.ts';
import { strategicMerge } from '../../../../src/sandbox/api/strategic-merge.ts';
import { createCatalog } from '../../../../src/sandbox/kinds/catalog.ts';
import type { Fields } from '../../../../src/base/fields.ts';
import type { StoredObject } from '../../../../src/sandbox/store/objects.ts';

const deployment = createCatalog().byKind('Deployment')!;
const route = createCatalog().byKind('HTTPRoute')!;
const object = (spec: object): StoredObject =>
  ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec }) as unknown as StoredObject;

const podSpec = (containers: Fields[], more: Fields = {}): Fields => ({ spec: { containers, ...more } });

describe('a strategic merge patch', () => {
  it.each<[string, Fields, Fields, Fields]>([
    [
      'merges containers by name',
      podSpec([
        { name: 'a', image: 'x', tty: true },
        { name: 'b', image: 'y' },
      ]),
      podSpec([{ name: 'a', image: 'z' }]),
      podSpec([
        { name: 'a', image: 'z', tty: true },
        { name: 'b', image: 'y' },
      ]),
    ],
    [
      'adds a container',
      podSpec([{ name: 'a' }]),
      podSpec([{ name: 'b' }]),
      podSpec([{ name: 'a' }, { name: 'b' }]),
    ],
    [
      'deletes an item by $patch',
      podSpec([{ name: 'a' }, { name: 'b' }]),
      podSpec([{ name: 'a', $patch: 'delete' }]),
      podSpec([{ name: 'b' }]),
    ],
    [
      'replaces a list by $patch',
      podSpec([{ name: 'a' }, { name: 'b' }]),
      podSpec([{ name: 'c' }, { $patch: 'replace' }]),
      podSpec([{ name: 'c' }]),
    ],
    [
      'orders a list by $setElementOrder',
      podSpec([{ name: 'a' }, { name: 'b' }]),
      { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } },
      podSpec([{ name: 'b' }, { name: 'a' }]),
    ],
    [
      'merges environment by name and ports by containerPort',
      podSpec([{ name: 'a', env: [{ name: 'X', value: '1' }], ports: [{ containerPort: 80, name: 'web' }] }]),
      podSpec([
        { name: 'a', env: [{ name: 'Y', value: '2' }], ports: [{ containerPort: 80, name: 'http' }] },
      ]),
      podSpec([
        {
          name: 'a',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
          ports: [{ containerPort: 80, name: 'http' }],
        },
      ]),
    ],
    [
      'replaces lists without a merge key',
      podSpec([], { tolerations: [{ key: 'a' }] }),
      { spec: { tolerations: [{ key: 'b' }] } },
      podSpec([], { tolerations: [{ key: 'b' }] }),
    ],
    [
      'keeps only the fields of $retainKeys',
      { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      { spec: { strategy: { type: 'Recreate' } } },
    ],
    [
      'removes a field by null',
      { metadata: { labels: { a: '1', b: '2' } } },
      { metadata: { labels: { a: null } } },
      { metadata: { labels: { b: '2' } } },
    ],
    [
      'adds to and deletes from lists of scalars',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'] } },
      { metadata: { finalizers: ['b', 'c'] } },
    ],
  ])('%s', (_what, original, patch, expected) => {
    expect(strategicMerge(original, patch)).toEqual(expected);
  });

  it('refuses an item without its merge key', () => {
    expect(() => strategicMerge(podSpec([]), podSpec([{ image: 'x' }]))).toThrow(
      'does not contain declared merge key: name',
    );
  });

  it('is not for custom kinds', () => {
    expect(() => applyPatch(route, object({}), 'application/strategic-merge-patch+json', {})).toThrow(
      /unknown format/,
    );
  });
});

describe('a merge patch', () => {
  it('replaces lists, merges objects and removes by null', () => {
    const before = object({ list: [1, 2], map: { a: 1, b: 2 } });

    const after = applyPatch(deployment, before, 'application/merge-patch+json', {
      spec: { list: [3], map: { a: null, c: 3 } },
    });

    expect(after.spec).toEqual({ list: [3], map: { b: 2, c: 3 } });
  });
});

describe('a JSON patch', () => {
  const type = 'application/json-patch+json';

  it('is done in order', () => {
    const after = applyPatch(deployment, object({ a: 1 }), type, [
      { op: 'test', path: '/spec/a', value: 1 },
      { op: 'add', path: '/spec/b', value: [1] },
      { op: 'add', path: '/spec/b/-', value: 2 },
      { op: 'remove', path: '/spec/a' },
    ]);

    expect(after.spec).toEqual({ b: [1, 2] });
  });

  it.each<[string, Fields[]]>([
    ['a test that does not hold', [{ op: 'test', path: '/spec/a', value: 2 }]],
    ['a path that is not there', [{ op: 'remove', path: '/spec/x/y' }]],
  ])('with %s is 422', (_what, operations) => {
    let code = 0;
    try {
      applyPatch(deployment, object({ a: 1 }), type, operations);
    } catch (error) {
      code = (error as StatusError).httpCode;
    }

    expect(code).toBe(422);
  });

  it('that nests an object deeper with each copy is refused', () => {
    const copies = Array.from({ length: 11 }, (_, index) => ({
      op: 'copy',
      from: '/spec',
      path: `/spec${'/a'.repeat(2 ** index)}`,
    }));

    expect(() => applyPatch(deployment, object({}), type, copies)).toThrow('exceeded max depth');
    expect(() => applyPatch(deployment, object({}), type, copies.slice(0, 5))).not.toThrow();
  });
});
