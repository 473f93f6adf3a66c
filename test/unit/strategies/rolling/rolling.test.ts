import { describe, expect, it } from '@jest/globals';
import { rollingSteps } from '../../../../src/strategies/rolling/steps.ts';
import { rolling } from '../../../../src/strategies/rolling/rolling.ts';
import { rollingState } from '../../../../src/strategies/rolling/state.ts';
import { StrategyRegistry } from '../../../../src/strategies/registry.ts';
import type { ReleaseFacts } from '../../../../src/strategies/strategy.ts';

const facts: ReleaseFacts = { revision: 3, timeoutMs: 1, rollback: 'auto', generations: {}, stable: 2 };
const phase = (name: string) => rollingState.parse({ phase: name });

describe('a rolling release', () => {
  it.each([
    ['applying', {}],
    ['progressing', { workloadsOf: 3 }],
    ['selected', { workloadsOf: 3 }],
    ['cleaned', { workloadsOf: 3 }],
    ['rollingBack', {}],
    ['restoring', { workloadsOf: 2 }],
    ['restored', { workloadsOf: 2 }],
  ])('watches in phase %s the workloads of %j', (name, observes) => {
    expect(rolling.observes(phase(name), facts)).toEqual(observes);
  });

  it.each(['restoring', 'restored'])('watches nothing in phase %s of a first release', (name) => {
    const { stable: _stable, ...first } = facts;

    expect(rolling.observes(phase(name), first)).toEqual({});
  });

  it.each([
    ['applying', true],
    ['progressing', true],
    ['selected', true],
    ['cleaned', false],
    ['rollingBack', false],
    ['restoring', false],
    ['restored', false],
  ])('may be rolled back in phase %s: %s', (name, may) => {
    expect(rolling.rollBack(phase(name), 'the user')).toEqual(may ? { phase: 'rollingBack' } : undefined);
  });

  it('goes on without its runner only while Kubernetes restores the pods', () => {
    expect(rolling.finishesAlone(phase('restoring'))).toBe(true);
    expect(rolling.finishesAlone(phase('progressing'))).toBe(false);
  });

  it('begins with applying', () => {
    expect(rolling.begin({})).toEqual({ phase: 'applying' });
  });
});

describe('what a rolling release is going to do', () => {
  it.each([
    [{ rollback: 'auto', stable: 2 }, 'on failure roll back to revision 2'],
    [{ rollback: 'never', stable: 2 }, 'on failure stop and leave everything as it is'],
    [{ rollback: 'auto' }, 'on failure stop: this is the first release'],
    [{ rollback: 'never' }, 'on failure stop: this is the first release'],
  ] as const)('says what %j means for a failure', (release, step) => {
    expect(rollingSteps(release)[2]).toContain(step);
    expect(rollingSteps(release)).toHaveLength(4);
  });
});

describe('the strategies', () => {
  it('are found by their names', () => {
    const other = { ...rolling, name: 'other' };
    const registry = new StrategyRegistry([other, rolling]);

    expect(registry.get('rolling')).toBe(rolling);
    expect(registry.get('other')).toBe(other);
    expect(() => registry.get('missing')).toThrow('there is no strategy "missing"');
  });
});
