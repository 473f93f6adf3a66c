import { afterEach, describe, expect, it } from '@jest/globals';
import { UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { AnsweredTime } from '../../../../src/release/answered-time.ts';
import { ReleaseObserver } from '../../../../src/release/observe/observer.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

const { signal } = new AbortController();
const job = { apiVersion: 'batch/v1', kind: 'Job', name: 'migrate', namespace: 'shop' };
const key = 'batch/Job/shop/migrate';
let observer: ReleaseObserver;
afterEach(() => observer.close());

function setUp() {
  const cluster = new FakeCluster();
  const clock = new VirtualClock();
  observer = new ReleaseObserver({ cluster, clock, time: new AnsweredTime(clock) }, [job]);
  /** Makes the Job, or changes its status. @returns its uid */
  const put = (status?: 'Complete' | 'Failed', spec: object = {}): string => {
    const object: KubernetesObject = {
      ...{
        apiVersion: job.apiVersion,
        kind: job.kind,
        metadata: { name: job.name, namespace: job.namespace },
      },
      spec: { template: { spec: { containers: [{ name: 'main', image: 'migrate:1' }] } }, ...spec },
      ...(status === undefined ? {} : { status: { conditions: [{ type: status, status: 'True' }] } }),
    };
    return cluster.put(object).metadata.uid ?? '';
  };
  /** What is seen of the Job that an apply left under this uid. */
  const look = async (uid: string, { complete = false, generation = 1 } = {}) => {
    await clock.sleep(0, { signal });
    const observed = await observer.observe({ [key]: generation }, { signal }, { [key]: { uid, complete } });
    if (observed.type === 'unknown') throw new Error(observed.reason);
    const [workload] = observed.workloads;
    return { complete: workload?.complete, problems: workload?.problems.map(({ kind }) => kind) };
  };
  return { cluster, put, look };
}

// eslint-disable-next-line require-yield -- it breaks before it says anything
async function* refused(): AsyncGenerator<never> {
  await Promise.resolve();
  throw new UnreachableError('connection refused');
}

describe('a Job that was applied', () => {
  it('is complete when it says so', async () => {
    const { put, look } = setUp();
    const uid = put();
    expect(await look(uid)).toEqual({ complete: false, problems: [] });

    put('Complete');

    expect(await look(uid)).toEqual({ complete: true, problems: [] });
  });

  it('counts as it ended when it has gone since', async () => {
    const { cluster, put, look } = setUp();
    const uid = put();
    await look(uid);
    put('Complete');
    cluster.drop(job);

    expect(await look(uid)).toEqual({ complete: true, problems: [] });
  });

  it('has failed when it failed before it has gone', async () => {
    const { cluster, put, look } = setUp();
    const uid = put();
    await look(uid);
    put('Failed');
    cluster.drop(job);

    expect(await look(uid)).toEqual({ complete: false, problems: ['failed'] });
  });

  it('is missing when it has gone before its end', async () => {
    const { cluster, put, look } = setUp();
    const uid = put();
    await look(uid);
    cluster.drop(job);

    expect(await look(uid)).toEqual({ complete: false, problems: ['missing'] });
  });

  it('is missing when nobody has seen it', async () => {
    const { look } = setUp();

    expect(await look('uid-1')).toEqual({ complete: false, problems: ['missing'] });
  });

  it('was complete when an earlier runner has seen it so', async () => {
    const { look } = setUp();

    expect(await look('uid-1', { complete: true })).toEqual({ complete: true, problems: [] });
  });

  it('is not judged by the end of one that was there before it', async () => {
    const { cluster, put, look } = setUp();
    put('Complete');
    await observer.expectJobs({ signal });
    cluster.drop(job);

    expect(await look('uid-of-the-new-one')).toEqual({ complete: false, problems: ['missing'] });
  });

  it('says nothing while the one before it, which it replaces, is seen still', async () => {
    const { put, look } = setUp();
    put('Failed');
    await observer.expectJobs({ signal });

    expect(await look('uid-of-the-new-one')).toEqual({ complete: false, problems: [] });
  });

  it('is judged where the apply has left the one that was there', async () => {
    const { put, look } = setUp();
    const uid = put('Complete');
    await observer.expectJobs({ signal });

    expect(await look(uid)).toEqual({ complete: true, problems: [] });
  });

  it('is judged where somebody has made it again meanwhile', async () => {
    const { cluster, put, look } = setUp();
    const uid = put();
    await observer.expectJobs({ signal });
    cluster.drop(job);
    put('Failed');

    expect(await look(uid)).toEqual({ complete: false, problems: ['failed'] });
  });

  it('is expected when it is the first one, too', async () => {
    const { put, look } = setUp();
    await observer.expectJobs({ signal });

    const uid = put('Complete');

    expect(await look(uid)).toEqual({ complete: true, problems: [] });
  });

  it('is not known while its list does not come, and may be applied then all the same', async () => {
    const { cluster, look } = setUp();
    cluster.watch = refused;

    await observer.expectJobs({ signal });

    await expect(look('uid-1')).rejects.toThrow('no list of what belongs to migrate yet');
  });
});
