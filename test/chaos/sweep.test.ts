import { beforeAll, describe, expect, it } from '@jest/globals';
import { faults } from './world/simulated-network.ts';
import { sweep, sweptVersions } from './world/sweep.ts';
import { World } from './world/world.ts';

beforeAll(() => World.prepare());

describe.each(sweptVersions)('a run that releases $name', ({ behaviour, image }) => {
  it.each(faults)(
    'ends as it would have, whichever request meets the fault "%s"',
    async (fault) => {
      const { usual, runs, differences } = await sweep(behaviour, fault);

      expect(usual).toMatchObject({ image, violations: [], held: [] });
      expect(runs).toBeGreaterThan(40);
      expect(differences).toEqual([]);
    },
    120_000,
  );
});
