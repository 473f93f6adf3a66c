import { describe, expect, it } from '@jest/globals';
import type { TrackState } from '../../../src/ports/events.ts';
import { answerRelease } from '../../../src/release/answer.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { releaseStatus } from '../../../src/release/status.ts';
import { blueGreenRequest, servedObjects } from './blue-green-world.ts';
import { World } from './release-world.ts';

const { signal } = new AbortController();

/** Percent of the traffic by track, the largest first. */
function weightsOf(tracks: readonly TrackState[]): [string, number][] {
  return tracks
    .map(({ name, weight }): [string, number] => [name, weight])
    .sort(([, left], [, right]) => right - left);
}

describe('the traffic of a blue/green release', () => {
  it('is shown as the Service gives it, by the release and by its status, though both sides have as many pods', async () => {
    const world = new World(() => 'ready');
    const { cluster, clock, leases } = world;
    const reported = new Map<string, [string, number][]>();
    let status: ReturnType<typeof releaseStatus> | undefined;
    world.report.progress = async (phase, _message, tracks) => {
      if (tracks.length === 2) reported.set(phase, weightsOf(tracks));
      if (phase !== 'waiting' || status !== undefined) return;
      status = releaseStatus(
        { cluster, clock, leases, application: { name: 'web', namespace: 'shop' } },
        { signal },
      );
      await status;
      await answerRelease({ cluster, application: 'web', namespace: 'shop', answer: 'promote' }, { signal });
    };
    const release = (image: string, runId: string) =>
      releaseObjects(
        blueGreenRequest(servedObjects(image), runId, { autoPromote: false, scaleDownDelay: '30s' }),
        world,
        { signal },
      );
    try {
      await release('v1', 'run-1');

      await release('v2', 'run-2');

      const before = [
        ['stable', 100],
        ['candidate', 0],
      ];
      expect(reported.get('waiting')).toEqual(before);
      expect(weightsOf((await status)?.workloads.flatMap(({ tracks }) => tracks) ?? [])).toEqual(before);
      expect(reported.get('switched')).toEqual([
        ['candidate', 100],
        ['stable', 0],
      ]);
    } finally {
      world.close();
    }
  });
});
