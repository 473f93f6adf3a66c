import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';
import type { ReleaseSettings, RevisionRecord } from '../../../src/release/record/release-record.ts';
import { wayBackTo } from '../../../src/release/return-to.ts';
import { StrategyRegistry } from '../../../src/strategies/registry.ts';
import type { Strategy } from '../../../src/strategies/strategy.ts';
import { entry, recordOf } from './record/records.ts';
import { toyStrategy } from './toy-strategy.ts';
import { webObjects } from './release-world.ts';

const objects = webObjects('v1');
const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' } };

/** What a strategy does with the objects of a release. */
interface Kind {
  holds?: boolean;
  movesService?: boolean;
  findsNothing?: boolean;
  refuses?: string;
}

function strategyOf(
  name: string,
  { holds = false, movesService = false, findsNothing = false, refuses }: Kind,
): Strategy {
  const parts = { deployment: objects[0] as never, ...(movesService ? { service } : {}) };
  return {
    ...(toyStrategy as unknown as Strategy),
    ...{ name, settings: { parse: (settings: object) => settings } as never },
    refuses: () => (refuses === undefined ? [] : [{ message: refuses, hint: `hint of ${name}` }]),
    ...(holds ? { parts: () => (findsNothing ? undefined : parts) } : {}),
  };
}

const settingsOf = (name: string, timeoutMs = 60_000): ReleaseSettings => ({
  ...{ strategy: { of: name }, timeoutMs, rollback: 'auto', prune: false, force: false },
});

const revision = (number: number, strategy: string, more: Partial<RevisionRecord> = {}) =>
  entry(number, { strategy, settings: settingsOf(strategy, number * 1000), ...more });

/** The way back to a revision, where `now` is in place. */
function wayBack(
  target: RevisionRecord,
  now: RevisionRecord | undefined,
  refusals: Record<string, string> = {},
  stable = now?.number,
) {
  const kinds: Record<string, Kind> = {
    rolling: {},
    canary: { holds: true },
    blueGreen: { holds: true, movesService: true },
    partless: { holds: true, findsNothing: true },
  };
  const [first, ...rest] = Object.entries(kinds).map(([name, kind]) =>
    strategyOf(name, { ...kind, ...defined({ refuses: refusals[name] }) }),
  ) as [Strategy, ...Strategy[]];
  const history = [target, revision(9, 'rolling'), ...(now === undefined ? [] : [now])];
  const record = recordOf(history, defined({ stable }));
  return wayBackTo(target, objects, { record, strategies: new StrategyRegistry([first, ...rest]) });
}

describe('the way back to a revision', () => {
  it('is that by which it was released', () => {
    const target = revision(1, 'rolling');

    expect(wayBack(target, revision(2, 'rolling'))).toEqual({
      strategy: 'rolling',
      settings: target.settings,
    });
  });

  it('has the defaults where its settings were not kept', () => {
    const { settings: _, ...target } = revision(1, 'rolling');

    expect(wayBack(target, undefined)).toEqual({
      strategy: 'rolling',
      settings: { strategy: {}, timeoutMs: 600_000, rollback: 'auto', prune: false, force: false },
    });
  });

  it('is by the strategy that moves the traffic of a Service now, with the other settings of the revision', () => {
    expect(wayBack(revision(1, 'rolling'), revision(2, 'blueGreen'))).toEqual({
      strategy: 'blueGreen',
      settings: { ...settingsOf('blueGreen'), timeoutMs: 1000 },
    });
  });

  it.each([
    ['the strategy of now moves no traffic, and nothing is left', 'rolling', revision(2, 'canary')],
    ['its own strategy holds, too', 'canary', revision(2, 'blueGreen')],
    ['its own strategy holds what is left', 'blueGreen', revision(2, 'canary', { outcome: 'halted' })],
    ['what is left is held by nothing', 'rolling', revision(2, 'rolling', { outcome: 'failed' })],
  ])('is its own where %s', (_, own, now) => {
    expect(wayBack(revision(1, own), now).strategy).toBe(own);
  });

  it('is its own where the settings of now were not kept, or nothing was released', () => {
    const { settings: _, ...now } = revision(2, 'blueGreen');

    expect(wayBack(revision(1, 'rolling'), now).strategy).toBe('rolling');
    expect(wayBack(revision(1, 'rolling'), undefined).strategy).toBe('rolling');
  });

  it('is by the strategy that has left its Deployment held, though another revision serves', () => {
    const target = revision(1, 'rolling');

    expect(wayBack(target, revision(2, 'canary', { outcome: 'halted' }), {}, 1).strategy).toBe('canary');
    expect(wayBack(target, revision(2, 'canary', { outcome: 'rolledBack' }), {}, 1).strategy).toBe('rolling');
  });

  it('is that of what serves, not of a release that was rolled back', () => {
    const way = wayBack(revision(1, 'rolling'), revision(2, 'blueGreen', { outcome: 'rolledBack' }), {}, 9);

    expect(way.strategy).toBe('rolling');
  });

  it('is its own where the strategy of now finds nothing to hold', () => {
    expect(wayBack(revision(1, 'rolling'), revision(2, 'partless')).strategy).toBe('rolling');
  });

  it('is its own where the strategy of now refuses its objects', () => {
    const way = wayBack(revision(1, 'rolling'), revision(2, 'blueGreen'), { blueGreen: 'two Services' });

    expect(way.strategy).toBe('rolling');
  });

  it('is by rolling to what was there before the first release, where its strategy refuses that', () => {
    const adopted = revision(1, 'blueGreen', { outcome: 'adopted' });

    expect(wayBack(adopted, undefined).strategy).toBe('blueGreen');
    expect(wayBack(adopted, undefined, { blueGreen: 'no Service' }).strategy).toBe('rolling');
  });

  it('is none where its own strategy refuses its objects', () => {
    const refused = () => wayBack(revision(1, 'blueGreen'), undefined, { blueGreen: 'no Service' });

    expect(refused).toThrow(
      expect.objectContaining({
        ...{ fault: 'input', hint: 'hint of blueGreen' },
        message: 'revision 1 cannot be released again: no Service',
      }),
    );
  });
});
