import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ancestorsOf, findCycle, resolveNeeds, type OrderedStage } from '../../../src/spec/stage-order.ts';

const graphs = fc
  .array(fc.option(fc.uniqueArray(fc.nat(11), { maxLength: 4 }), { nil: undefined }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((all) =>
    all.map((needs, index): OrderedStage => {
      const name = `s${String(index)}`;
      return needs === undefined
        ? { name }
        : { name, needs: needs.filter((need) => need < all.length).map((need) => `s${String(need)}`) };
    }),
  );

describe('the order of stages', () => {
  it('is the written one without needs', () => {
    const needs = resolveNeeds([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);

    expect(Object.fromEntries(needs)).toEqual({ a: [], b: ['a'], c: ['b'] });
  });

  it('has a stage without needs wait for every branch before it', () => {
    const needs = resolveNeeds([
      { name: 'a' },
      { name: 'b', needs: ['a'] },
      { name: 'c', needs: ['a'] },
      { name: 'd' },
    ]);

    expect(needs.get('d')).toEqual(['b', 'c']);
  });

  it('puts everything that was written before among the ancestors of a stage without needs', () => {
    fc.assert(
      fc.property(graphs, (stages) => {
        const needs = resolveNeeds(stages);
        fc.pre(findCycle(needs) === undefined);
        for (const [index, { name, needs: own }] of stages.entries()) {
          if (own !== undefined) continue;
          const ancestors = ancestorsOf(name, needs);
          for (const before of stages.slice(0, index)) expect(ancestors).toContain(before.name);
        }
      }),
    );
  });

  it('finds a cycle exactly when a stage is its own ancestor, and shows it whole', () => {
    fc.assert(
      fc.property(graphs, (stages) => {
        const needs = resolveNeeds(stages);

        const cycle = findCycle(needs);

        expect(cycle !== undefined).toBe(stages.some(({ name }) => ancestorsOf(name, needs).has(name)));
        for (const [index, name] of (cycle ?? []).slice(0, -1).entries()) {
          expect(needs.get(name)).toContain(cycle?.[index + 1]);
        }
        if (cycle !== undefined) expect(cycle.at(-1)).toBe(cycle[0]);
      }),
    );
  });
});
