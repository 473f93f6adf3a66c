import { describe, expect, it } from '@jest/globals';
import {
  aboveOf,
  elementsBelow,
  isItem,
  isNamed,
  isWithin,
  itemsAbove,
  managersOf,
  pathOf,
  removeAt,
  valueAt,
  withFields,
} from '../../../src/kubernetes/field-set.ts';

const web = 'k:{"name":"web"}';
const container = pathOf('f:spec', 'f:containers', web);
const object = () => ({
  spec: {
    containers: [
      { name: 'log', image: 'log:1' },
      { name: 'web', image: 'web:1', args: ['a', 'b'], command: null },
    ],
    finalizers: ['x', 'y'],
    replicas: 0,
  },
});

describe('a path of fields', () => {
  it('tells items of lists from fields', () => {
    expect(isItem(container)).toBe(true);
    expect(isItem(pathOf('f:finalizers', 'v:"x"'))).toBe(true);
    expect(isItem(pathOf(container, 'f:image'))).toBe(false);
    expect(isItem('f:k:v')).toBe(false);
  });

  it('knows what is above it', () => {
    const mount = pathOf(container, 'f:volumeMounts', 'k:{"mountPath":"/a"}');

    expect(itemsAbove(pathOf(mount, 'f:readOnly'))).toEqual([container, mount]);
    expect(aboveOf(mount)).toBe(pathOf(container, 'f:volumeMounts'));
    expect(aboveOf('f:spec')).toBe('');
  });

  it('is within another by whole elements', () => {
    expect(isWithin(container, pathOf('f:spec', 'f:containers'))).toBe(true);
    expect(isWithin(container, container)).toBe(true);
    expect(isWithin('f:specification', 'f:spec')).toBe(false);
  });

  it('has elements below it', () => {
    const below = elementsBelow(new Set([pathOf(container, 'f:image'), pathOf('f:spec', 'f:replicas')]));

    expect(Object.fromEntries(below)).toEqual({
      '': ['f:spec'],
      'f:spec': ['f:containers', 'f:replicas'],
      [pathOf('f:spec', 'f:containers')]: [web],
      [container]: ['f:image'],
    });
  });
});

describe('the managers of an object', () => {
  it('are those that it names', () => {
    const managedFields = [{ manager: 'kubectl' }];

    expect(managersOf({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', managedFields } })).toEqual(
      managedFields,
    );
    expect(managersOf({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } })).toEqual([]);
  });
});

describe('the value at a path', () => {
  it.each([
    ['', object()],
    [pathOf(container, 'f:image'), 'web:1'],
    [pathOf(container, 'f:args', 'i:1'), 'b'],
    [pathOf(container, 'f:args', 'v:"b"'), 'b'],
    [pathOf('f:spec', 'f:finalizers', 'v:"y"'), 'y'],
    [pathOf('f:spec', 'f:replicas'), 0],
    [pathOf(container, 'f:command'), undefined],
    [pathOf(container, 'f:command', 'f:x'), undefined],
    [pathOf('f:spec', 'f:finalizers', 'v:"z"'), undefined],
    [pathOf('f:spec', 'f:finalizers', 'f:length'), undefined],
    [pathOf('f:spec', web), undefined],
    [pathOf('f:status', 'f:replicas', 'f:x'), undefined],
  ])('%j is found', (path, value) => {
    expect(valueAt(object(), path)).toEqual(value);
  });
});

describe('removing what stands at a path', () => {
  it.each([
    [pathOf('f:spec', 'f:replicas'), { replicas: undefined }],
    [pathOf('f:spec', 'f:finalizers', 'v:"x"'), { finalizers: ['y'] }],
    [pathOf('f:spec', 'f:finalizers', 'v:"z"'), {}],
    [container, { containers: [{ name: 'log', image: 'log:1' }] }],
    [pathOf('f:status', 'f:replicas'), {}],
  ])('%j leaves the rest', (path, changed) => {
    const value = object();
    removeAt(value, path);

    expect(value).toEqual({ spec: { ...object().spec, ...changed } });
  });
});

describe('the item that an element names', () => {
  it.each([
    [{ name: 'web' }, web, true],
    [{ name: 'log' }, web, false],
    ['web', web, false],
    [null, web, false],
    ['x', 'v:"x"', true],
    ['y', 'v:"x"', false],
    [{ name: 'x' }, 'v:"x"', false],
    [{ port: 80 }, 'k:{"port":80,"protocol":"TCP"}', true],
    [{ port: 80, protocol: 'TCP' }, 'k:{"port":80,"protocol":"TCP"}', true],
    [{ port: 80, protocol: 'UDP' }, 'k:{"port":80,"protocol":"TCP"}', false],
    [{}, 'k:{"port":80,"protocol":"TCP"}', false],
  ])('%j, %s: %s', (item, element, expected) => {
    expect(isNamed(item, element)).toBe(expected);
  });
});

describe('an object with some of its fields', () => {
  it('keeps the keys of items, and nothing that is not there', () => {
    const fields = new Set([
      pathOf(container, 'f:image'),
      pathOf(container, 'f:missing'),
      pathOf('f:spec', 'f:finalizers', 'v:"y"'),
      pathOf('f:spec', 'f:paused'),
      pathOf('f:status', 'f:replicas'),
    ]);

    expect(withFields(object(), fields)).toStrictEqual({
      spec: { containers: [{ name: 'web', image: 'web:1' }], finalizers: ['y'] },
      status: {},
    });
  });
});
