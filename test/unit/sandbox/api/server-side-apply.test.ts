import { defined } from '../../../../src/base/defined.ts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { managersOf, trackUpdate, type Writer } from '../../../../src/sandbox/api/managed-fields.ts';
import { applyConfiguration } from '../../../../src/sandbox/api/server-side-apply.ts';
import type { StatusError } from '../../../../src/sandbox/api/status-error.ts';
import type { Fields } from '../../../../src/base/fields.ts';
import type { StoredObject } from '../../../../src/sandbox/store/objects.ts';

const writer = (manager: string): Writer => ({
  manager,
  apiVersion: 'apps/v1',
  subresource: '',
  time: '2026-01-01T00:00:00Z',
});

function configuration(spec: object, labels?: Record<string, string>): Fields {
  const metadata = { name: 'web', ...defined({ labels }) };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec };
}

/** Applies to what is live, as the API does: the configuration without identity is owned. */
function apply(
  live: StoredObject | undefined,
  applied: Fields,
  manager: string,
  force = false,
): StoredObject {
  return applyConfiguration(live, structuredClone(applied), {
    writer: writer(manager),
    force,
    isBuiltIn: true,
  });
}

const containers = (...list: Fields[]): object => ({ template: { spec: { containers: list } } });

describe('server-side apply', () => {
  it('takes away what the manager no longer applies', () => {
    const first = apply(undefined, configuration({ replicas: 1 }, { a: '1', b: '2' }), 'one');

    const second = apply(first, configuration({ replicas: 1 }, { a: '1' }), 'one');

    expect(second.metadata.labels).toEqual({ a: '1' });
  });

  it('leaves what another manager applied as well', () => {
    const first = apply(undefined, configuration({ replicas: 1 }, { a: '1' }), 'one');
    const shared = apply(first, configuration({ replicas: 1 }, { a: '1' }), 'two');

    const left = apply(shared, configuration({ replicas: 1 }), 'one');

    expect(left.metadata.labels).toEqual({ a: '1' });
    expect(managersOf(left).map((entry) => [entry.manager, entry.fields.size])).toEqual([
      ['one', 1],
      ['two', 2],
    ]);
  });

  it('refuses to change what another manager owns, naming fields and managers', () => {
    const live = apply(undefined, configuration({ replicas: 1, paused: true }), 'one');

    const attempt = (): unknown => apply(live, configuration({ replicas: 2, paused: false }), 'two');

    expect(attempt).toThrow(
      'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.paused\n- .spec.replicas',
    );
  });

  it('names one conflict in one line, with the container by its name', () => {
    const live = apply(undefined, configuration(containers({ name: 'main', image: 'a' })), 'one');
    let caught: StatusError | undefined;
    try {
      apply(live, configuration(containers({ name: 'main', image: 'b' })), 'two');
    } catch (error) {
      caught = error as StatusError;
    }

    expect(caught?.message).toBe(
      'Apply failed with 1 conflict: conflict with "one": .spec.template.spec.containers[name="main"].image',
    );
    expect(caught?.httpCode).toBe(409);
    expect(caught?.details?.causes?.[0]?.reason).toBe('FieldManagerConflict');
  });

  it('takes fields over when forced', () => {
    const live = apply(undefined, configuration({ replicas: 1 }), 'one');

    const taken = apply(live, configuration({ replicas: 2 }), 'two', true);

    expect(taken.spec).toEqual({ replicas: 2 });
    expect(managersOf(taken).map((entry) => entry.manager)).toEqual(['two']);
  });

  it('joins lists by their keys and removes only the items of the manager', () => {
    const first = apply(undefined, configuration(containers({ name: 'a', image: 'x' })), 'one');
    const both = apply(first, configuration(containers({ name: 'b', image: 'y' })), 'two');

    const left = apply(both, configuration({}), 'one');

    expect(both.spec).toEqual(containers({ name: 'a', image: 'x' }, { name: 'b', image: 'y' }));
    expect(left.spec).toEqual(containers({ name: 'b', image: 'y' }));
  });

  it('replaces lists without keys as a whole', () => {
    const first = apply(undefined, configuration(containers({ name: 'a', command: ['x', 'y'] })), 'one');

    const second = apply(first, configuration(containers({ name: 'a', command: ['z'] })), 'one');

    expect(second.spec).toEqual(containers({ name: 'a', command: ['z'] }));
  });

  it('follows the order of the applied items', () => {
    const first = apply(undefined, configuration(containers({ name: 'a' }, { name: 'b' })), 'one');

    const turned = apply(first, configuration(containers({ name: 'b' }, { name: 'a' })), 'one');

    expect(turned.spec).toEqual(containers({ name: 'b' }, { name: 'a' }));
  });

  const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2'), {
    minKeys: 1,
  });

  it('applied twice is as applied once', () => {
    fc.assert(
      fc.property(labels, labels, (before, after) => {
        const live = apply(undefined, configuration({}, before), 'one');
        const once = apply(live, configuration({}, after), 'one');
        expect(apply(once, configuration({}, after), 'one')).toEqual(once);
      }),
    );
  });

  it('of one manager alone gives just what it applies', () => {
    fc.assert(
      fc.property(labels, labels, (before, after) => {
        const live = apply(undefined, configuration({}, before), 'one');
        const next = apply(live, configuration({}, after), 'one');
        expect(next.metadata.labels ?? {}).toEqual(after);
      }),
    );
  });
});

describe('an ordinary write', () => {
  it('owns what it changed, and nobody else does any more', () => {
    const live = apply(undefined, configuration({ replicas: 1, paused: true }), 'one');
    const edited: StoredObject = { ...structuredClone(live), spec: { replicas: 5, paused: true } };

    trackUpdate(live, edited, writer('editor'), true);

    const owned = managersOf(edited).map((entry) => [
      entry.manager,
      entry.operation,
      [...entry.fields].length,
    ]);
    expect(owned).toEqual([
      ['one', 'Apply', 1],
      ['editor', 'Update', 1],
    ]);
    expect(() => apply(edited, configuration({ replicas: 1, paused: true }), 'one')).toThrow(
      'conflict with "editor" using apps/v1 at 2026-01-01T00:00:00Z: .spec.replicas',
    );
  });

  it('that empties managedFields forgets everybody', () => {
    const live = apply(undefined, configuration({ replicas: 1 }), 'one');
    const emptied = structuredClone(live);
    emptied.metadata.managedFields = [{}];

    trackUpdate(live, emptied, writer('editor'), true);

    expect(emptied.metadata.managedFields).toBeUndefined();
  });
});
