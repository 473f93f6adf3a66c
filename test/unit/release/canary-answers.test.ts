import { afterEach, describe, expect, it } from '@jest/globals';
import {
  answerAnnotation,
  holdMarkOf,
  type Answer,
  type HoldMark,
} from '../../../src/kubernetes/hold-mark.ts';
import { hashOf } from '../../../src/kubernetes/replica-sets.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { answerRelease } from '../../../src/release/answer.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { liveState, servedObjects } from './blue-green-world.ts';
import { requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

const steps = [{ replicas: 1 }, { pause: true }, { replicas: 2 }, { pause: true }];

function release(image: string, runId: string) {
  const request = requestOf(servedObjects(image), runId, { strategy: 'canary' });
  return releaseObjects({ ...request, settings: { ...request.settings, strategy: { steps } } }, world, {
    signal,
  });
}

/** Answers each pause in turn, and says what it saw of the Deployment's mark then. */
function answerPauses(answers: readonly Answer['answer'][]): HoldMark[] {
  const marks: HoldMark[] = [];
  const left = [...answers];
  const progress = world.report.progress.bind(world.report);
  let before = '';
  world.report.progress = async (phase, message, tracks) => {
    await progress(phase, message, tracks);
    const isPause = phase === 'waiting' && before !== 'waiting';
    before = phase;
    const answer = isPause ? left.shift() : undefined;
    if (answer === undefined) return;
    marks.push(holdMarkOf(liveState(world).deployment!)!);
    void answerRelease({ cluster: world.cluster, application: 'web', namespace: 'shop', answer }, { signal });
  };
  return marks;
}

describe('a canary release that waits for a person', () => {
  it('goes on at each promotion, and leaves neither mark nor answer', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    const old = hashOf(world.cluster.all<Workload>('ReplicaSet')[0]!);
    const marks = answerPauses(['promote', 'promote']);
    await world.clock.sleep(60_000, { signal });

    const result = await release('v2', 'run-2');

    expect(result.outcome).toBe('released');
    const { deployment, isHeld } = liveState(world);
    expect(isHeld).toBe(false);
    expect(deployment?.metadata.annotations?.[answerAnnotation]).toBeUndefined();
    expect(marks.map(({ stable, step }) => ({ stable, step }))).toEqual([
      { stable: old, step: 'new: 1 of 3 pods (33 %); waiting for promote or abort' },
      { stable: old, step: 'new: 2 of 3 pods (67 %); waiting for promote or abort' },
    ]);
    expect(new Set(marks.map(({ since }) => since)).size).toBe(1);
  });

  it('waits no more when it is promoted in full', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    const marks = answerPauses(['promoteFull', 'abort']);
    world.watchCapacity();

    const result = await release('v2', 'run-2');

    expect(result.outcome).toBe('released');
    expect(marks).toHaveLength(1);
    expect(world.fewest).toBe(3);
    const { image, isHeld, deployment } = liveState(world);
    expect({ image, isHeld }).toEqual({ image: 'v2', isHeld: false });
    expect(deployment?.metadata.annotations?.[answerAnnotation]).toBeUndefined();
  });

  it('stays promoted in full when a promotion of its step comes after', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    const request = { cluster: world.cluster, application: 'web', namespace: 'shop' };
    const progress = world.report.progress.bind(world.report);
    let isAnswered = false;
    world.report.progress = async (phase, message, tracks) => {
      await progress(phase, message, tracks);
      if (phase !== 'waiting' || isAnswered) return;
      isAnswered = true;
      expect(await answerRelease({ ...request, answer: 'promoteFull' }, { signal })).toBe(2);
      expect(await answerRelease({ ...request, answer: 'promote' }, { signal })).toBe(2);
    };

    expect((await release('v2', 'run-2')).outcome).toBe('released');
    expect(world.told.join()).not.toContain('2 of 3 pods');
  });

  it('goes back when the second pause is aborted', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    answerPauses(['promote', 'abort']);

    const result = await release('v2', 'run-2');

    expect(result).toMatchObject({ outcome: 'rolledBack', reason: 'aborted by a person' });
    const { image, isHeld, deployment } = liveState(world);
    expect({ image, isHeld }).toEqual({ image: 'v1', isHeld: false });
    expect(deployment?.metadata.annotations?.[answerAnnotation]).toBeUndefined();
  });
});
