import { afterEach, describe, expect, it } from '@jest/globals';
import { defined } from '../../../../src/base/defined.ts';
import type { Cluster, Selection, WatchEvent } from '../../../../src/ports/cluster.ts';
import { ForbiddenError, UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { WorkloadWatches } from '../../../../src/release/observe/workload-watches.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

const { signal } = new AbortController();
const podKind = { apiVersion: 'v1', kind: 'Pod' };
const jobKind = { apiVersion: 'batch/v1', kind: 'Job' };
const selection = { namespace: 'shop', labelSelector: 'app=web' };

/** As lists have it: without kind. */
function item(name: string, uid?: string): KubernetesObject {
  return { metadata: { name, ...defined({ uid }) } } as KubernetesObject;
}

let close = () => Promise.resolve();
afterEach(() => close());

/** Watches whose events a test sends. */
function setUp() {
  const clock = new VirtualClock();
  const opened: { kind: string; selection: Selection; atMs: number }[] = [];
  let next = Promise.withResolvers<WatchEvent | Error>();
  let ended = 0;
  const cluster: Pick<Cluster, 'watch'> = {
    async *watch<O extends KubernetesObject>(
      { kind }: { kind: string },
      of: Selection,
      options: { signal: AbortSignal },
    ): AsyncIterable<WatchEvent<O>> {
      opened.push({ kind, selection: of, atMs: clock.monotonicMs() });
      const aborted = new Promise<undefined>((resolve) => {
        options.signal.addEventListener('abort', () => resolve(undefined));
      });
      try {
        for (;;) {
          const event = await Promise.race([next.promise, aborted]);
          if (event === undefined) return;
          next = Promise.withResolvers();
          if (event instanceof Error) throw event;
          yield event as WatchEvent<O>;
        }
      } finally {
        ended += 1;
      }
    },
  };
  const watches = new WorkloadWatches(cluster, clock);
  close = () => watches.close();
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const send = async (event: WatchEvent | Error) => {
    next.resolve(event);
    await settled();
  };
  /** The names in a list, once it has come. */
  const names = async (kind = podKind) =>
    (await watches.listed(watches.of(kind, selection), { signal }))?.map(({ metadata }) => metadata.name);
  const spentMs = async (work: Promise<unknown>) => {
    const begunMs = clock.monotonicMs();
    await work;
    return clock.monotonicMs() - begunMs;
  };
  return { clock, watches, opened, send, names, spentMs, ended: () => ended };
}

describe('a watched list', () => {
  it('follows what comes, changes and goes', async () => {
    const { watches, send, names } = setUp();
    watches.of(podKind, selection);
    await send({ type: 'reset', objects: [item('a', '1'), item('b', '2')] });
    expect(await names()).toEqual(['a', 'b']);

    await send({ type: 'upsert', object: item('c', '3') });
    await send({ type: 'upsert', object: item('a', '1') });
    expect(await names()).toEqual(['a', 'b', 'c']);
    await send({ type: 'delete', object: item('a', '1') });
    expect(await names()).toEqual(['b', 'c']);

    await send({ type: 'reset', objects: [item('d', '4')] });
    expect(await names()).toEqual(['d']);
  });

  it('keeps an object of the same name that is another one, and tells those without a uid by their names', async () => {
    const { watches, send, names } = setUp();
    watches.of(podKind, selection);
    await send({ type: 'reset', objects: [item('a', '1'), item('a', '2'), item('b'), item('c')] });

    expect(await names()).toEqual(['a', 'a', 'b', 'c']);
  });

  it('gives objects their kind, which items of lists do not have', async () => {
    const { watches, send } = setUp();
    const watched = watches.of(podKind, selection);
    await send({ type: 'reset', objects: [item('a', '1')] });
    await send({ type: 'upsert', object: item('b', '2') });

    expect(await watches.listed(watched, { signal })).toEqual([
      { ...podKind, metadata: { name: 'a', uid: '1' } },
      { ...podKind, metadata: { name: 'b', uid: '2' } },
    ]);
  });

  it('is watched once for each kind and selection', async () => {
    const { watches, opened } = setUp();
    const first = watches.of(podKind, selection);

    expect(watches.of({ ...podKind }, { ...selection })).toBe(first);
    expect(watches.of(jobKind, selection)).not.toBe(first);
    expect(watches.of(podKind, { namespace: 'stage' })).not.toBe(first);
    expect(opened.map(({ kind, selection: { namespace } }) => `${kind} ${namespace ?? ''}`)).toEqual([
      'Pod shop',
      'Job shop',
      'Pod stage',
    ]);
  });

  it('is not known after ten seconds without an answer, and known as soon as it comes', async () => {
    const { watches, send, names, spentMs } = setUp();
    let found: unknown = 'none yet';

    expect(await spentMs(names().then((value) => (found = value)))).toBe(10_000);
    expect(found).toBeUndefined();
    watches.of(podKind, selection);
    const later = names();
    await send({ type: 'reset', objects: [] });

    expect(await later).toEqual([]);
  });

  it('is waited for no longer than its signal says', async () => {
    const { watches } = setUp();
    const controller = new AbortController();
    const listed = watches.listed(watches.of(podKind, selection), { signal: controller.signal });

    controller.abort(new Error('cancelled'));

    await expect(listed).rejects.toThrow('cancelled');
  });
});

describe('the last state of a watched Job', () => {
  it('is kept when the Job has gone', async () => {
    const { watches, send } = setUp();
    const watched = watches.of(jobKind, selection);
    await send({ type: 'reset', objects: [item('migrate', '1')] });
    expect(watched.last).toMatchObject({ ...jobKind, metadata: { uid: '1' } });

    await send({ type: 'reset', objects: [] });
    expect(watched.last).toMatchObject({ metadata: { uid: '1' } });
    await send({ type: 'upsert', object: item('migrate', '2') });
    expect(watched.last).toMatchObject({ metadata: { uid: '2' } });
  });

  it('is that in which it was deleted', async () => {
    const { watches, send } = setUp();
    const watched = watches.of(jobKind, selection);
    await send({ type: 'reset', objects: [item('migrate', '1')] });
    await send({ type: 'upsert', object: item('another', '2') });

    await send({ type: 'delete', object: { ...item('another', '2'), status: { succeeded: 1 } } });

    expect(watched.last).toMatchObject({ ...jobKind, status: { succeeded: 1 } });
  });

  it('is not kept of what is there still: a Pod that has gone says nothing', async () => {
    const { watches, send } = setUp();
    const watched = watches.of(podKind, selection);
    await send({ type: 'reset', objects: [item('a', '1')] });

    expect(watched.last).toBeUndefined();
  });
});

describe('changed', () => {
  it('waits for the next event, at most as long as it is told', async () => {
    const { watches, send, names, spentMs } = setUp();
    watches.of(podKind, selection);
    await send({ type: 'reset', objects: [] });
    await names();
    watches.look();

    expect(await spentMs(watches.changed(5000, { signal }))).toBe(5000);
    const changed = spentMs(watches.changed(5000, { signal }));
    await send({ type: 'upsert', object: item('a', '1') });

    expect(await changed).toBe(0);
  });

  it('does not wait where something has happened since the last look', async () => {
    const { watches, send, spentMs } = setUp();
    watches.of(podKind, selection);
    expect(await spentMs(watches.changed(5000, { signal }))).toBe(0);
    watches.look();
    await send({ type: 'reset', objects: [] });

    expect(await spentMs(watches.changed(5000, { signal }))).toBe(0);
  });

  it('wakes all that wait', async () => {
    const { watches, send, spentMs } = setUp();
    watches.of(podKind, selection);
    watches.look();
    const both = Promise.all([watches.changed(5000, { signal }), watches.changed(5000, { signal })]);
    const spent = spentMs(both);
    await send({ type: 'reset', objects: [] });

    expect(await spent).toBe(0);
  });

  it('leaves no sleeper behind when it was woken', async () => {
    const { clock, watches, send } = setUp();
    watches.of(podKind, selection);
    watches.look();
    const changed = watches.changed(5000, { signal });
    await send({ type: 'reset', objects: [] });
    await changed;

    expect(clock.sleeping).toBe(0);
  });
});

describe('the silence of an API', () => {
  it('ends with an event, and with an answer to somebody else', async () => {
    const { clock, watches, send } = setUp();
    expect(watches.silentMs).toBe(0);
    watches.of(podKind, selection);
    await clock.sleep(4000, { signal });
    expect(watches.silentMs).toBe(4000);

    await send({ type: 'reset', objects: [] });
    expect(watches.silentMs).toBe(0);
    await clock.sleep(3000, { signal });
    watches.answered();

    expect(watches.silentMs).toBe(0);
  });
});

describe('a watch that breaks', () => {
  it('is opened again after two seconds where the API did not answer', async () => {
    const { clock, watches, opened, send, names } = setUp();
    watches.of(podKind, selection);
    await send({ type: 'reset', objects: [item('a', '1')] });

    await send(new UnreachableError('connection reset'));
    await clock.sleep(2500, { signal });
    await send({ type: 'reset', objects: [item('b', '2')] });

    const [first, second] = opened;
    expect(opened).toHaveLength(2);
    expect(second!.atMs - first!.atMs).toBe(2000);
    expect(await names()).toEqual(['b']);
  });

  it('ends what waits for it where it cannot continue', async () => {
    const { watches, opened, send, names, spentMs } = setUp();
    watches.of(podKind, selection);
    watches.look();
    const listed = expect(names()).rejects.toThrow('may not watch pods');
    const spent = spentMs(watches.changed(5000, { signal }));
    await send(new ForbiddenError('may not watch pods'));

    await listed;
    expect(await spent).toBe(0);
    watches.look();
    expect(await spentMs(watches.changed(5000, { signal }))).toBe(0);
    await expect(names()).rejects.toThrow('may not watch pods');
    expect(opened).toHaveLength(1);
  });

  it('is over when it is closed, also while it waits to be opened again', async () => {
    const { clock, watches, opened, send, ended } = setUp();
    watches.of(podKind, selection);
    watches.of(jobKind, selection);
    await send(new UnreachableError('connection reset'));
    const begunMs = clock.monotonicMs();

    await watches.close();
    const closedMs = clock.monotonicMs();
    await clock.sleep(10_000, { signal });

    expect(closedMs).toBe(begunMs);
    expect(ended()).toBe(2);
    expect(opened).toHaveLength(2);
  });
});
