import { describe, expect, it } from '@jest/globals';
import type { ReleaseStatus } from '../../../src/app/release-commands.ts';
import { lookUntilOver, type Look } from '../../../src/app/watch-release.ts';
import { ForbiddenError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const over: ReleaseStatus = { application: 'web', namespace: 'shop', workloads: [] };
const inProgress = { ...over, current: { revision: 2, phase: 'waiting' } } as ReleaseStatus;

/** Looks that give one of these each, and what was seen with its time in seconds; the error that ended it. */
async function watch(
  answers: readonly (ReleaseStatus | Error)[],
  { stopAfter = Infinity, tookMs = 0 } = {},
): Promise<{ seen: [number, Look | string][]; looks: number[]; error?: unknown }> {
  const clock = new VirtualClock(0);
  const controller = new AbortController();
  const { signal } = controller;
  const seen: [number, Look | string][] = [];
  const looks: number[] = [];
  const left = [...answers];
  const look = async () => {
    looks.push(clock.now() / 1000);
    if (tookMs > 0) await clock.sleep(tookMs, { signal });
    const answer = left.shift() ?? new Error('looked once more');
    if (answer instanceof Error) throw answer;
    return answer;
  };
  try {
    for await (const one of lookUntilOver({ look, clock, signal })) {
      seen.push([clock.now() / 1000, one.type === 'seen' ? one : one.message]);
      if (seen.length === stopAfter) controller.abort(new Error('Ctrl-C'));
    }
    return { seen, looks };
  } catch (error) {
    return { seen, looks, error };
  }
}

const seenAs = (status: ReleaseStatus): Look => ({ type: 'seen', status });

describe('watching a release', () => {
  it('looks once where none is in progress', async () => {
    expect(await watch([over])).toEqual({ seen: [[0, seenAs(over)]], looks: [0] });
  });

  it('looks every two seconds until none is in progress any more', async () => {
    expect(await watch([inProgress, inProgress, over])).toEqual({
      seen: [
        [0, seenAs(inProgress)],
        [2, seenAs(inProgress)],
        [4, seenAs(over)],
      ],
      looks: [0, 2, 4],
    });
  });

  it('begins a look two seconds after the end of the one before', async () => {
    const { looks } = await watch([inProgress, inProgress, over], { tookMs: 3000 });

    expect(looks).toEqual([0, 5, 10]);
  });

  it('tells that the API does not answer, and asks again', async () => {
    const { seen, error } = await watch([
      inProgress,
      new UnreachableError('connection refused'),
      new UnreachableError('connection refused'),
      over,
    ]);

    expect(error).toBeUndefined();
    expect(seen).toEqual([
      [0, seenAs(inProgress)],
      [2, 'connection refused'],
      [4, 'connection refused'],
      [6, seenAs(over)],
    ]);
  });

  it('ends when the first look gets no answer: the address may be wrong', async () => {
    const refused = new UnreachableError('connection refused');

    expect(await watch([refused])).toEqual({ seen: [], looks: [0], error: refused });
  });

  it('ends by an error that waiting does not help', async () => {
    const forbidden = new ForbiddenError('cannot get configmaps');

    const { seen, error } = await watch([inProgress, forbidden]);

    expect(seen).toHaveLength(1);
    expect(error).toBe(forbidden);
  });

  it('ends by the signal, whatever the look that it cut off says', async () => {
    expect((await watch([inProgress, inProgress], { stopAfter: 1 })).error).toEqual(new Error('Ctrl-C'));
    const clock = new VirtualClock(0);
    const controller = new AbortController();
    const { signal } = controller;
    let looks = 0;
    const look = async () => {
      if ((looks += 1) === 1) return inProgress;
      controller.abort(new Error('Ctrl-C'));
      throw new UnreachableError('cut off');
    };

    const all = async () => {
      for await (const one of lookUntilOver({ look, clock, signal })) expect(one.type).toBe('seen');
    };

    await expect(all()).rejects.toThrow('Ctrl-C');
  });
});
