import { afterEach, describe, expect, it } from '@jest/globals';
import { statusOfRelease } from '../../../../src/app/release-commands.ts';
import { answerOf } from '../../../../src/kubernetes/hold-mark.ts';
import { releaseObjects } from '../../../../src/release/release.ts';
import { leasesOn } from '../../../fakes/cluster-leases.ts';
import { liveState } from '../blue-green-world.ts';
import { World } from '../release-world.ts';
import { commands, targetIn, type Answered } from './given-commands.ts';
import { atRest, inProgress, left, requestFor, ways, type Situation } from './situations.ts';

const { signal } = new AbortController();
const { canary, rolling } = ways;
const crash = { pods: 'crash' } as const;
let situation: Situation;

afterEach(() => situation.close());

/** Gives a command, and lets the runner of the release go on as soon as the command waits for it. */
async function given(command: string): Promise<Answered> {
  const { world, proceed } = situation;
  const answered = await commands[command]!(world, (line) => {
    if (line.endsWith('; waiting for it')) proceed();
  });
  await situation.running;
  return answered;
}

const image = () => liveState(situation.world).image;

describe('a command whose release ends while it waits for the runner', () => {
  it.each([
    ['rolling', rolling, 'restoring'],
    ['canary', canary, 'undoing'],
  ] as const)(
    'rollback: goes no further back when it was rolled back already (%s)',
    async (_, way, phase) => {
      situation = await inProgress({ ...way, ...crash }, phase);

      const { exitCode, said } = await given('`rollback`');

      expect(said).toMatch(/^revision 3 of web was rolled back; revision 2 is serving$/m);
      expect({ exitCode, image: image() }).toEqual({ exitCode: 0, image: 'v2' });
    },
  );

  it('rollback: goes back from what was released meanwhile', async () => {
    situation = await inProgress(rolling, 'progressing');

    const { exitCode, said } = await given('`rollback`');

    expect(said).toMatch(/^revision 3 of web was released$/m);
    expect({ exitCode, image: image() }).toEqual({ exitCode: 0, image: 'v2' });
  });

  it.each([
    ['its runner was asked to', canary, 'waiting', 'aborted by a person'],
    ['it failed', { ...rolling, ...crash }, 'progressing', 'crashes'],
  ] as const)('abort: has what it wanted when %s roll it back', async (_, way, phase, reason) => {
    situation = await inProgress(way, phase);

    const { exitCode, said } = await given('`abort`');

    expect(said).toMatch(
      new RegExp(`${reason}[^]*^revision 3 of web was rolled back; revision 2 is serving$`, 'm'),
    );
    expect({ exitCode, image: image() }).toEqual({ exitCode: 0, image: 'v2' });
  });

  it('abort: fails when it was released before', async () => {
    situation = await inProgress(rolling, 'progressing');

    const { exitCode, said } = await given('`abort`');

    expect(said).toMatch(
      /^revision 3 was released before it could be aborted; to go back: pipeline release rollback web -n shop$/m,
    );
    expect({ exitCode, image: image() }).toEqual({ exitCode: 1, image: 'v3' });
  });

  it.each([
    ['released', rolling, 0],
    ['rolled back', { ...rolling, ...crash }, 5],
    ['halted', { ...rolling, ...crash, rollback: 'never' }, 1],
  ] as const)('resume: ends as it has ended (%s)', async (outcome, way, code) => {
    situation = await inProgress(way, 'progressing');

    const { exitCode, said } = await given('`resume`');

    expect(said).toMatch(new RegExp(`^revision 3 of web was ${outcome}(; revision 2 is serving)?$`, 'm'));
    expect(exitCode).toBe(code);
  });

  it('abort: is answered when the Deployment is held by then', async () => {
    situation = await inProgress(canary, 'comparing');

    const { exitCode, said } = await given('`abort`');

    expect(said).toMatch(/^the runner of web rolls it back$/m);
    expect({ exitCode, image: image() }).toEqual({ exitCode: 0, image: 'v2' });
    expect(await situation.running).toMatchObject({ outcome: 'rolledBack' });
  });
});

describe('a command whose release ends while another run waits for it, too,', () => {
  it.each(['`abort`', '`rollback`', '`resume`'])(
    '%s: leaves the release of that run alone',
    async (command) => {
      situation = await inProgress(rolling, 'progressing');
      const { world, proceed } = situation;
      const end = new AbortController();
      const waits = Promise.withResolvers<undefined>();
      const progress = async (phase: string) => {
        if (phase === 'waiting') waits.resolve(undefined);
      };
      const { cluster, clock, report } = world;
      const ports = { cluster, clock, leases: leasesOn(cluster, clock) };
      const next = releaseObjects(
        requestFor('v4', canary, 60_000),
        { ...ports, report: { ...report, progress } },
        { signal: end.signal },
      );
      await waits.promise;

      const { said } = await commands[command]!(world, (line) => {
        if (line.includes('run-v3')) proceed();
      });

      expect(said).toMatch(/^revision 3 (of web )?was released/m);
      const { current } = await statusOfRelease(targetIn(world));
      expect(current).toMatchObject({ revision: 4, phase: 'waiting' });
      expect(answerOf(liveState(world).deployment!)).toBeUndefined();
      end.abort(new Error('the test is over'));
      await next.catch(() => undefined);
    },
  );
});

describe('a release whose runner died when it had only to be noted as released', () => {
  it('is too late to be aborted', async () => {
    situation = await left(rolling, 'cleaned');

    const { exitCode, said } = await given('`abort`');

    expect(said).toMatch(/^revision 3 was released before it could be aborted/m);
    expect(exitCode).toBe(1);
  });

  it('is gone back from by rollback', async () => {
    situation = await left(rolling, 'cleaned');

    const { exitCode } = await given('`rollback`');

    expect({ exitCode, image: image() }).toEqual({ exitCode: 0, image: 'v2' });
  });
});

describe('a promotion whose runner has died', () => {
  it.each([
    ['canary', canary],
    ['blueGreen', ways.blueGreen],
  ] as const)('is there for the one that resumes the release (%s)', async (_, way) => {
    situation = await left(way, 'waiting');
    expect((await given('`promote`')).exitCode).toBe(0);

    const { exitCode, said } = await given('`resume`');

    expect(said).not.toContain('waiting for promote');
    expect({ exitCode, image: image() }).toEqual({ exitCode: 0, image: 'v3' });
  });
});

describe('a full promotion whose runner has died', () => {
  it.each([
    ['canary', canary],
    ['blueGreen', ways.blueGreen],
  ] as const)('is there for the one that resumes the release (%s)', async (_, way) => {
    situation = await left(way, 'starting');
    expect((await given('`promote --full`')).exitCode).toBe(0);

    const { exitCode, said } = await given('`resume`');

    expect(said).not.toContain('waiting for promote');
    expect({ exitCode, image: image() }).toEqual({ exitCode: 0, image: 'v3' });
  });
});

describe('a rollback to an earlier revision', () => {
  it('ends with 5 when that fails, and what served before serves', async () => {
    let isBroken = false;
    const world = new World((of) => (isBroken && of === 'v1' ? 'crash' : 'ready'));
    situation = atRest(world);
    await releaseObjects(requestFor('v1', rolling), world, { signal });
    await releaseObjects(requestFor('v2', rolling), world, { signal });
    isBroken = true;

    const { exitCode, said } = await given('`rollback`');

    expect(said).toMatch(/^revision 3 was rolled back; revision 2 is serving$/m);
    expect({ exitCode, image: image() }).toEqual({ exitCode: 5, image: 'v2' });
  });

  it('is waited for by other commands, which have no run to name', async () => {
    let isBroken = false;
    const world = new World((of) => (isBroken && of === 'v1' ? 'never' : 'ready'));
    situation = atRest(world);
    await releaseObjects(requestFor('v1', rolling), world, { signal });
    await releaseObjects(requestFor('v2', rolling), world, { signal });
    isBroken = true;
    let other: Promise<Answered> | undefined;

    const { exitCode } = await commands['`rollback`']!(world, (line) => {
      if (line === 'applying revision 3') other = commands['`abort`']!(world);
    });

    const { exitCode: busy, said } = await other!;
    expect(said).toMatch(/^web in namespace shop is being released by run cli-.*\nwait for it to end$/m);
    expect({ busy, exitCode }).toEqual({ busy: 1, exitCode: 5 });
  });

  it('fails when there is none', async () => {
    const world = new World(() => 'ready');
    situation = atRest(world);
    await releaseObjects(requestFor('v1', rolling), world, { signal });

    const { exitCode, said } = await given('`rollback`');

    expect(said).toBe('web has no earlier revision to roll back to\nrevisions: 1; serving: 1');
    expect(exitCode).toBe(2);
  });
});
