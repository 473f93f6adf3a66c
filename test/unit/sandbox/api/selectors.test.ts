import { describe, expect, it } from '@jest/globals';
import { parseFieldSelector, parseLabelSelector } from '../../../../src/sandbox/api/selectors.ts';
import { createCatalog } from '../../../../src/sandbox/kinds/catalog.ts';
import type { StoredObject } from '../../../../src/sandbox/store/objects.ts';

const labelled = (labels: Record<string, string>): StoredObject =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', labels } }) as unknown as StoredObject;

describe('label selectors', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['', {}, true],
    ['a=1', { a: '1' }, true],
    ['a==1', { a: '2' }, false],
    ['a!=1', {}, true],
    ['a!=1', { a: '1' }, false],
    ['a in (1,2)', { a: '2' }, true],
    ['a in (1,2),b', { a: '2' }, false],
    ['a notin (1, 2)', { a: '3' }, true],
    ['a notin (1)', {}, true],
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['example.com/a=1', { 'example.com/a': '1' }, true],
    ['a in (1,2), b notin (3), !c', { a: '1', b: '4' }, true],
  ])('%s on %j is %s', (selector, labels, expected) => {
    expect(parseLabelSelector(selector)(labelled(labels))).toBe(expected);
  });

  it.each(['a in 1', 'a=b=c', 'a/b/c=d', 'a in (', '=x'])('%s is refused', (selector) => {
    expect(() => parseLabelSelector(selector)).toThrow(/unable to parse requirement/);
  });
});

describe('field selectors', () => {
  const kind = createCatalog().byKind('Pod')!;
  const pod = { ...labelled({}), spec: { nodeName: 'n' }, status: { phase: 'Running' } } as StoredObject;

  it.each<[string, boolean]>([
    ['metadata.name=a', true],
    ['spec.nodeName=n,status.phase!=Pending', true],
    ['status.phase=Pending', false],
    ['status.nominatedNodeName=', true],
  ])('%s is %s', (selector, expected) => {
    expect(parseFieldSelector(kind, selector)(pod)).toBe(expected);
  });

  it('refuse fields that cannot be selected by', () => {
    expect(() => parseFieldSelector(kind, 'spec.image=a')).toThrow('field label not supported: spec.image');
  });
});
