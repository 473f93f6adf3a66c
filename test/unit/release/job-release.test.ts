import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import type { ReleasedJobs } from '../../../src/release/record/release-record.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { inProgress } from './record/records.ts';
import { requestOf, webObjects, World } from './release-world.ts';
import { released, scriptedRelease, wait } from './scripted-release.ts';

const { signal } = new AbortController();
const reference = { apiVersion: 'batch/v1', kind: 'Job', name: 'migrate', namespace: 'shop' };
let world: World;
/** How the pods of the slow Deployment behave. */
let isSlow = true;

beforeEach(() => {
  isSlow = true;
  world = new World((image) => (image === 'slow' && isSlow ? 'never' : 'ready'));
});

afterEach(() => {
  world.close();
});

function job(spec: object = {}): KubernetesObject {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate', namespace: 'shop', labels: { 'slipway.dev/application': 'web' } },
    spec: { template: { spec: { containers: [{ name: 'main', image: 'migrate:1' }] } }, ...spec },
  };
}

const release = (objects: readonly KubernetesObject[], runId: string, more: { signal?: AbortSignal } = {}) =>
  releaseObjects(requestOf(objects, runId, { rollback: 'never' }), world, { signal, ...more });

/** Ends the Job, as its controller does. */
function end(live: KubernetesObject, type: 'Complete' | 'Failed', cluster = world.cluster): void {
  const condition = { type, status: 'True', reason: type === 'Failed' ? 'BackoffLimitExceeded' : '' };
  cluster.put({ ...live, status: { conditions: [condition] } });
}

/** Ends each Job as soon as it is made, and removes it in the same moment where it has no time to stay. */
function runJobs(type: 'Complete' | 'Failed'): string[] {
  const made: string[] = [];
  world.cluster.after = (verb, { kind }) => {
    if (verb !== 'apply' || kind !== 'Job') return;
    const live = world.cluster.peek<Workload>(reference)!;
    if (made.includes(live.metadata.uid!)) return;
    made.push(live.metadata.uid!);
    end(live, type);
    if (live.spec['ttlSecondsAfterFinished'] === 0) void world.cluster.delete(reference, { signal });
  };
  return made;
}

describe('a Job that is removed as soon as it has ended', () => {
  it('counts as it ended', async () => {
    runJobs('Complete');

    expect(await release([job({ ttlSecondsAfterFinished: 0 })], 'run-1')).toMatchObject({
      outcome: 'released',
    });
  });

  it('fails the release when it has failed', async () => {
    runJobs('Failed');

    expect(await release([job({ ttlSecondsAfterFinished: 0 })], 'run-1')).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('Job migrate failed: BackoffLimitExceeded'),
    });
  });

  it('is not missed by a runner that resumes the release', async () => {
    runJobs('Complete');
    const controller = new AbortController();
    const objects = [...webObjects('slow'), job({ ttlSecondsAfterFinished: 2 })];
    const first = release(objects, 'run-1', { signal: controller.signal });
    const ended = expect(first).rejects.toThrow('the runner died');
    await world.clock.sleep(5000, { signal });
    controller.abort(new LeaseLostError('the runner died'));
    await ended;
    await world.cluster.delete(reference, { signal });
    isSlow = false;

    expect(await release(objects, 'run-1')).toMatchObject({ outcome: 'released' });
  });

  it('fails the release when nobody has seen how it ended', async () => {
    world.cluster.after = (verb, { kind }) => {
      if (verb === 'apply' && kind === 'Job') void world.cluster.delete(reference, { signal });
    };

    expect(await release([job()], 'run-1')).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('Job migrate does not exist: it was deleted, or removed after its end'),
    });
  });
});

describe('a Job that has failed in an earlier release', () => {
  it('is made again, and this time decides', async () => {
    const made = runJobs('Failed');
    expect(await release([job()], 'run-1')).toMatchObject({ outcome: 'failed' });
    const again = runJobs('Complete');

    expect(await release([job()], 'run-2')).toMatchObject({ outcome: 'released' });
    expect(again).toHaveLength(1);
    expect(again).not.toEqual(made);
    expect(world.told).toContain('info: Job shop/migrate had failed before this release: it is made again');
  });

  it('stays when it has succeeded', async () => {
    const made = runJobs('Complete');
    await release([job()], 'run-1');

    expect(await release([job()], 'run-2')).toMatchObject({ outcome: 'released' });
    expect(made).toHaveLength(1);
  });
});

describe('what was seen of a Job while its release waits', () => {
  const key = 'batch/Job/shop/migrate';
  const waiting = async (spec: object, applied: ReleasedJobs) => {
    const made = await scriptedRelease({
      ...{
        decisions: [wait(1000, 'first'), wait(1000, 'second'), wait(1000, 'third'), released],
        observes: { workloadsOf: 2 },
      },
      ...{ revisions: [[], [job(spec)]], record: { current: { ...inProgress(2, 1), jobs: applied } } },
    });
    end(job(spec), 'Complete', made.cluster);
    const jobs: unknown[] = [];
    made.session.ports.report.progress = async () => void jobs.push(made.session.current.jobs);
    await made.run();
    return { jobs, writes: made.writes.length };
  };
  const applied = { [key]: { uid: 'uid-9', complete: false } };

  it('is written once, where the Job is removed after its end', async () => {
    const { jobs, writes } = await waiting({ ttlSecondsAfterFinished: 60 }, applied);

    expect(jobs.at(-1)).toEqual({ [key]: { uid: 'uid-9', complete: true } });
    // And once at the end of the release.
    expect(writes).toBe(2);
  });

  it.each<[string, object, ReleasedJobs]>([
    ['stays after its end', {}, applied],
    ['is none that was applied', { ttlSecondsAfterFinished: 60 }, {}],
  ])('is not written where the Job %s', async (_, spec, before) => {
    const { jobs, writes } = await waiting(spec, before);

    expect(jobs.at(-1)).toEqual(before);
    expect(writes).toBe(1);
  });
});
