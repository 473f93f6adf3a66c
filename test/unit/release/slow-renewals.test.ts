import { afterEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../../src/ports/clock.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;
afterEach(() => world.close());

/** Confirms a hold whose renewals take six seconds, and which is sure of itself for ten after one was sent. */
function slowlyRenewed(clock: Clock) {
  let sentAt = Number.NEGATIVE_INFINITY;
  let renewals = 0;
  return async () => {
    while (clock.monotonicMs() - sentAt >= 10_000) {
      renewals += 1;
      if (renewals > 500) throw new Error('it is renewed again and again');
      const now = clock.monotonicMs();
      await clock.sleep(6000, { signal });
      sentAt = now;
    }
  };
}

describe('a release whose run and lease are both renewed slowly', () => {
  it('is sure of both at once, and goes on', async () => {
    world = new World(() => 'ready');
    const { cluster, clock, report } = world;
    const lease = {
      ...{ holder: 'run-1', fence: 1, isNew: false, durationMs: 15_000, leaseLost: signal },
      confirm: slowlyRenewed(clock),
      release: async () => undefined,
    };
    const leases = { acquire: async () => lease, find: async () => undefined };
    const owner = { fence: 1, confirm: slowlyRenewed(clock) };

    const request = requestOf(webObjects('v1'), 'run-1', { owner });
    const result = await releaseObjects(request, { cluster, clock, report, leases }, { signal });

    expect(result.outcome).toBe('released');
  });
});
