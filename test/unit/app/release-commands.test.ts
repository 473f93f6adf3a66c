import { detachRelease } from '../../../src/release/pause.ts';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Connection } from '../../../src/app/connection.ts';
import { promote, rollBack } from '../../../src/app/release-commands.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { blueGreenRequest, liveState, servedObjects } from '../release/blue-green-world.ts';
import { World } from '../release/release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

const release = (image: string, runId: string, autoPromote: boolean) =>
  releaseObjects(blueGreenRequest(servedObjects(image), runId, { autoPromote }), world, { signal });

const rollback = () => {
  const { cluster, leases, clock } = world;
  const connection = { cluster, leases, namespace: 'shop' } as unknown as Connection;
  return rollBack({ connection, application: 'web', signal, clock }, () => Promise.resolve());
};

/** Resolves when a release waits for a person. */
function waiting(): Promise<void> {
  const progress = world.report.progress.bind(world.report);
  return new Promise((resolve) => {
    world.report.progress = async (phase, message, tracks) => {
      if (phase === 'waiting') resolve();
      await progress(phase, message, tracks);
    };
  });
}

describe('pipeline release rollback', () => {
  it('aborts a blue/green release that waits for a person, by its own runner', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1', true);
    const waits = waiting();
    const running = release('v2', 'run-2', false);
    await waits;

    const result = await rollback();

    expect(result).toEqual({
      ...{ outcome: 'rolledBack', revision: 2, stable: 1 },
      reason: 'revision 2 of web was rolled back; revision 1 is serving',
    });
    expect(await running).toMatchObject({ outcome: 'rolledBack', reason: 'aborted by a person' });
    expect(liveState(world)).toMatchObject({ image: 'v1', isHeld: false });
  });
});

describe('pipeline release promote', () => {
  it('names the command that continues the release if its runner has died, for the same place', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1', true);
    const waits = waiting();
    const running = release('v2', 'run-2', false);
    await waits;
    const { cluster, leases } = world;
    const connection = { cluster, leases, namespace: 'shop', chosen: 'sandbox' } as unknown as Connection;
    const said: string[] = [];

    await promote({ connection, application: 'web', signal, full: false }, (line) =>
      Promise.resolve(void said.push(line)),
    );

    expect(said).toEqual([
      'revision 2 of web is promoted; its runner continues (if it has died: pipeline release resume web -n shop --cluster sandbox)',
    ]);
    expect(await running).toMatchObject({ outcome: 'released' });
  });

  it('says that nobody continues a release which its runner has left', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1', true);
    const waits = waiting();
    const running = release('v2', 'run-2', false);
    await waits;
    const { cluster, leases } = world;
    await detachRelease({ cluster, application: 'web', namespace: 'shop', by: 'ann' }, { signal });
    expect(await running).toMatchObject({ outcome: 'detached' });
    const connection = { cluster, leases, namespace: 'shop' } as unknown as Connection;
    const said: string[] = [];

    await promote({ connection, application: 'web', signal, full: false }, (line) =>
      Promise.resolve(void said.push(line)),
    );

    expect(said).toEqual([
      'revision 2 of web is promoted; it has no runner, so continue it with: pipeline release resume web -n shop',
    ]);
  });
});
