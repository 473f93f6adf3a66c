import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { requestOf, webObjects, World } from './release-world.ts';

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
function end(live: KubernetesObject, type: 'Complete' | 'Failed'): void {
  const condition = { type, status: 'True', reason: type === 'Failed' ? 'BackoffLimitExceeded' : '' };
  world.cluster.put({ ...live, status: { conditions: [condition] } });
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
