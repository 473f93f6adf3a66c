import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { strategicMerge } from '../../../../../src/adapters/kubernetes/agent/strategic-merge.ts';

describe('strategic merge', () => {
  it('joins lists of objects by their merge key', () => {
    const base = { containers: [{ name: 'a', image: 'x', env: [{ name: 'P', value: '1' }] }] };

    const merged = strategicMerge(base, {
      containers: [{ name: 'a', env: [{ name: 'Q', value: '2' }] }, { name: 'b' }],
    });

    expect(merged).toEqual({
      containers: [
        {
          name: 'a',
          image: 'x',
          env: [
            { name: 'P', value: '1' },
            { name: 'Q', value: '2' },
          ],
        },
        { name: 'b' },
      ],
    });
  });

  it('replaces lists without a merge key', () => {
    expect(strategicMerge({ args: ['a', 'b'] }, { args: ['c'] })).toEqual({ args: ['c'] });
  });

  it('removes by null and by $patch', () => {
    const base = { a: 1, volumes: [{ name: 'x' }, { name: 'y' }], env: [{ name: 'P' }], map: { p: 1 } };

    const merged = strategicMerge(base, {
      a: null,
      volumes: [{ name: 'x', $patch: 'delete' }],
      env: [{ $patch: 'replace' }, { name: 'Q' }],
      map: { $patch: 'replace', q: 2 },
    });

    expect(merged).toEqual({ volumes: [{ name: 'y' }], env: [{ name: 'Q' }], map: { q: 2 } });
  });

  it('tells ports apart by protocol too, TCP where none is said', () => {
    const base = { ports: [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP' }] };

    const merged = strategicMerge(base, { ports: [{ containerPort: 53, protocol: 'TCP', name: 'dns' }] });

    expect(merged).toEqual({
      ports: [
        { containerPort: 53, protocol: 'TCP', name: 'dns' },
        { containerPort: 53, protocol: 'UDP' },
      ],
    });
  });

  it('is idempotent and leaves its arguments alone', () => {
    const fields = fc.dictionary(
      fc.constantFrom('a', 'b', 'containers', 'args'),
      fc.oneof(fc.integer(), fc.dictionary(fc.constantFrom('x', 'y'), fc.integer()), fc.array(fc.integer())),
    );
    fc.assert(
      fc.property(fields, fields, (base, patch) => {
        const before = JSON.stringify([base, patch]);

        const once = strategicMerge(base, patch);

        expect(strategicMerge(once, patch)).toEqual(once);
        expect(JSON.stringify([base, patch])).toBe(before);
      }),
    );
  });
});
