import { afterEach, describe, expect, it } from '@jest/globals';
import { reconcileRelease, releaseObjects, rollbackRelease } from '../../../src/release/release.ts';
import { releaseHistory } from '../../../src/release/status.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { StrategyRegistry } from '../../../src/strategies/registry.ts';
import { rolling } from '../../../src/strategies/rolling/rolling.ts';
import { requestOf, webObjects, World } from './release-world.ts';
import { toyStrategy } from './toy-strategy.ts';

const strategies = new StrategyRegistry([rolling, toyStrategy]);
const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

function makeWorld() {
  world = new World((image) => (image.includes('bad') ? 'crash' : 'ready'));
  const { cluster, leases, clock, report } = world;
  return { cluster, leases, clock, report, strategies };
}

const request = (version: string, runId: string) => {
  const usual = requestOf(webObjects(version), runId, { strategy: 'toy' });
  return { ...usual, settings: { ...usual.settings, strategy: { rehearsals: 3 } } };
};

const image = () => world.cluster.all<Workload>('Deployment')[0]?.spec.template?.spec.containers[0]?.image;

describe('a strategy that was added by one line of the registry', () => {
  it('is run to its end, with its own settings and its own state', async () => {
    const ports = makeWorld();

    const result = await releaseObjects(request('v1', 'run-1'), ports, { signal });

    expect(result).toEqual({ outcome: 'released', revision: 1, stable: 1 });
    expect(world.told).toEqual(expect.arrayContaining(['rehearsing: 3 to go', 'rehearsing: 1 to go']));
    const [entry] = await releaseHistory(
      { cluster: world.cluster, application: { name: 'web', namespace: 'shop' } },
      { signal },
    );
    expect(entry).toMatchObject({ strategy: 'toy', settings: { strategy: { rehearsals: 3 } } });
  });

  it('rolls back by its own rules', async () => {
    const ports = makeWorld();
    await releaseObjects(request('v1', 'run-1'), ports, { signal });

    const result = await releaseObjects(request('bad', 'run-2'), ports, { signal });

    expect(result).toMatchObject({
      outcome: 'rolledBack',
      stable: 1,
      reason: expect.stringMatching(/crashes: exit code 3/),
    });
    expect(image()).toBe('v1');
  });

  it('is resumed, and rolled back by hand with the settings that its revision has', async () => {
    const ports = makeWorld();
    await releaseObjects(request('v1', 'run-1'), ports, { signal });
    const aborting = new AbortController();
    const left = releaseObjects(
      { ...request('v2', 'run-2'), settings: { ...request('v2', 'run-2').settings, rollback: 'never' } },
      {
        ...ports,
        report: {
          ...ports.report,
          progress: async (_, message) => {
            if (message.startsWith('2')) aborting.abort(new Error('stop'));
          },
        },
      },
      { signal: aborting.signal },
    );
    await expect(left).rejects.toThrow('stop');

    const ended = await reconcileRelease({ ...requestOf([], 'cli'), direction: 'continue' }, ports, {
      signal,
    });
    expect(ended).toMatchObject({ outcome: 'released', revision: 2 });
    world.told.length = 0;
    const back = await rollbackRelease(requestOf([], 'cli-2'), ports, { signal });

    expect(back).toMatchObject({ outcome: 'released', revision: 3 });
    expect(image()).toBe('v1');
    expect(world.told).toContain('rehearsing: 3 to go');
  });
});
