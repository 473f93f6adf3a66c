import { afterEach, describe, expect, it } from '@jest/globals';
import { answerRelease } from '../../../src/release/answer.ts';
import { releaseObjects, rollbackRelease } from '../../../src/release/release.ts';
import { releaseStatus, type ReleaseStatus } from '../../../src/release/status.ts';
import { servedObjects } from './blue-green-world.ts';
import { requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

function release(image: string, runId: string, strategy: 'canary' | 'blueGreen', settings: object) {
  const request = requestOf(servedObjects(image), runId, { strategy });
  const { settings: others } = request;
  return releaseObjects({ ...request, settings: { ...others, strategy: { ...settings } } }, world, {
    signal,
  });
}

interface Wait {
  text: string;
  forPerson: boolean;
  seconds: number;
}

async function look(): Promise<ReleaseStatus | undefined> {
  const { cluster, leases, clock } = world;
  return releaseStatus(
    { cluster, leases, clock, application: { name: 'web', namespace: 'shop' } },
    { signal },
  );
}

/**
 * What the status says of each wait, one second and 71 s after the runner has told it, and for how many seconds it has
 * lasted then. A wait for a person is promoted after that.
 */
function lookAtWaits(): Wait[] {
  const seen: Wait[] = [];
  const { clock, cluster } = world;
  const add = async () => {
    const waiting = (await look())?.waiting;
    if (waiting === undefined) return undefined;
    const { since = Infinity, ...rest } = waiting;
    seen.push({ ...rest, seconds: Math.round((clock.now() - since) / 1000) });
    return waiting;
  };
  let before = '';
  world.report.progress = async (phase) => {
    const begins = phase === 'waiting' && before !== 'waiting';
    before = phase;
    if (!begins) return;
    void clock
      .sleep(1000, { signal })
      .then(add)
      .then(() => clock.sleep(70_000, { signal }))
      .then(add)
      .then((waiting) =>
        waiting?.forPerson === true
          ? answerRelease({ cluster, application: 'web', namespace: 'shop', answer: 'promote' }, { signal })
          : undefined,
      );
  };
  return seen;
}

const canarySteps = { steps: [{ replicas: 1 }, { pause: '90s' }, { replicas: 2 }, { pause: true }] };

describe('the status of a release that waits', () => {
  it('names the step of a canary, whether a person is waited for, and since when', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1', 'canary', canarySteps);
    const seen = lookAtWaits();

    expect(await release('v2', 'run-2', 'canary', canarySteps)).toMatchObject({ outcome: 'released' });

    const timed = { text: 'step 2 of 4: pause 90s', forPerson: false };
    const person = { text: 'step 4 of 4: pause until promote', forPerson: true };
    expect(seen).toEqual([
      { ...timed, seconds: 1 },
      { ...timed, seconds: 71 },
      { ...person, seconds: 1 },
      { ...person, seconds: 71 },
    ]);
    expect((await look())?.waiting).toBeUndefined();
  });

  it.each([
    [false, true],
    [{ after: '90s' }, false],
  ])(
    'says of a blue/green release with autoPromote %j that a person is waited for: %s',
    async (autoPromote, forPerson) => {
      world = new World(() => 'ready');
      await release('v1', 'run-1', 'blueGreen', {});
      const seen = lookAtWaits();

      await release('v2', 'run-2', 'blueGreen', { autoPromote });

      const text = 'the new pods are ready, the traffic has not moved';
      expect(seen).toEqual([
        { text, forPerson, seconds: 1 },
        { text, forPerson, seconds: 71 },
      ]);
    },
  );

  it('says of a rollback, which waits for nobody, that it does not wait', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1', 'canary', {});
    await release('v2', 'run-2', 'canary', {});
    const phases: string[] = [];
    const waits: unknown[] = [];
    world.report.progress = async (phase) => {
      phases.push(phase);
      waits.push((await look())?.waiting);
    };
    const { application, namespace, lockTimeoutMs, by } = requestOf([], 'cli');

    const result = await rollbackRelease({ application, namespace, lockTimeoutMs, by }, world, { signal });

    expect(result.outcome).toBe('released');
    expect(phases).toContain('waiting');
    expect(waits.every((waiting) => waiting === undefined)).toBe(true);
  });
});
