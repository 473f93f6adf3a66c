import { afterEach, describe, expect, it } from '@jest/globals';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { liveState, servedObjects } from './blue-green-world.ts';
import { releaseThrough } from './release-courses.ts';
import { requestOf, World } from './release-world.ts';

let world: World;

afterEach(() => {
  world.close();
});

const strategies: [string, Record<string, unknown>][] = [
  ['rolling', {}],
  ['blueGreen', { scaleDownDelay: '2s' }],
  ['canary', { steps: [{ replicas: 1 }, { pause: '2s' }, { replicas: 2 }, { pause: '2s' }] }],
];

function requestFor(image: string, runId: string, [strategy, settings]: [string, Record<string, unknown>]) {
  const request = requestOf(servedObjects(image), runId, { strategy });
  return { ...request, settings: { ...request.settings, strategy: settings } };
}

/** Releases v2 with the answer to the so manieth write of the Deployment or of its Service lost. @returns false: there is none */
async function releaseLosing(index: number, strategy: [string, Record<string, unknown>]): Promise<boolean> {
  world = new World(() => 'ready');
  await releaseThrough(world, requestFor('v1', 'run-1', strategy));
  let writes = 0;
  world.cluster.after = (_verb, { kind, name }) => {
    if (!['Deployment', 'Service'].includes(kind) || name !== 'web') return;
    if (writes++ === index) throw new UnreachableError('connection reset');
  };

  const result = await releaseThrough(world, requestFor('v2', 'run-2', strategy));

  expect(result).toMatchObject({ outcome: 'released' });
  expect(liveState(world)).toMatchObject({ image: 'v2', isHeld: false, services: ['web'] });
  world.close();
  return writes > index;
}

describe.each(strategies)('a release by %s', (...strategy) => {
  it('goes on when the answer to a write was lost, whichever it was', async () => {
    let index = 0;
    while (await releaseLosing(index, strategy)) index += 1;

    expect(index).toBeGreaterThan(1);
  }, 60_000);
});
