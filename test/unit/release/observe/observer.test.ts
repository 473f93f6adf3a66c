import { describe, expect, it } from '@jest/globals';
import { UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import { AnsweredTime } from '../../../../src/release/answered-time.ts';
import { ReleaseObserver } from '../../../../src/release/observe/observer.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

const { signal } = new AbortController();
const pod = { apiVersion: 'v1', kind: 'Pod', name: 'web', namespace: 'shop' };

function setUp() {
  const cluster = new FakeCluster();
  const clock = new VirtualClock();
  const observer = new ReleaseObserver({ cluster, clock, time: new AnsweredTime(clock) }, [pod]);
  const show = (reason?: string) =>
    cluster.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { containers: [{ name: 'web', image: 'web:1' }] },
      status: {
        containerStatuses: [{ name: 'web', state: reason === undefined ? {} : { waiting: { reason } } }],
      },
    });
  const look = async (afterMs: number) => {
    await clock.sleep(afterMs, { signal });
    const observed = await observer.observe({}, { signal });
    if (observed.type === 'unknown') return observed.reason;
    return observed.workloads[0]?.problems.map(({ lastedMs }) => lastedMs);
  };
  return { cluster, clock, observer, show, look };
}

describe('ReleaseObserver', () => {
  it('says how long a symptom has lasted, and begins anew when it had gone', async () => {
    const { observer, show, look } = setUp();
    show('ErrImagePull');
    expect(await look(0)).toEqual([0]);
    expect(await look(4000)).toEqual([4000]);

    show();
    expect(await look(1000)).toEqual([]);
    show('ErrImagePull');

    expect(await look(1000)).toEqual([0]);
    expect(await look(2000)).toEqual([2000]);
    await observer.close();
  });

  it('does not know the state while the API does not answer, and does not count that time', async () => {
    const { cluster, observer, show, look } = setUp();
    show('ErrImagePull');
    expect(await look(0)).toEqual([0]);
    cluster.before = () => {
      throw new UnreachableError('connection refused');
    };

    expect(await look(20_000)).toBe('connection refused');
    expect(await look(20_000)).toBe('connection refused');
    expect(await look(2000)).toBe('connection refused');
    cluster.before = () => undefined;

    expect(await look(3000)).toEqual([3000]);
    await observer.close();
  });

  it('asks nothing while its watches report something, and one read in ten seconds of silence', async () => {
    const { cluster, observer, show, look } = setUp();
    show();
    await look(0);
    const before = cluster.calls.length;
    for (let i = 0; i < 6; i++) await look(5000);

    expect(cluster.calls.length - before).toBe(3);
    await observer.close();
  });
});
