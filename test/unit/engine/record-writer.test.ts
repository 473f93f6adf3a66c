import { describe, expect, it } from '@jest/globals';
import { Ownership } from '../../../src/engine/ownership.ts';
import { elapsedMs, RecordWriter } from '../../../src/engine/record-writer.ts';
import { ConflictError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { RecordFormatError } from '../../../src/ports/record-errors.ts';
import type { RunRecord } from '../../../src/ports/run-record.ts';
import { MemoryRunStore } from '../../fakes/memory-run-store.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const { signal } = new AbortController();
const damaged = () => new RecordFormatError('it is damaged');
const noAnswer = () => new UnreachableError('no answer');
const first: RunRecord = {
  formatVersion: 2,
  runId: '01RUN',
  pipeline: 'demo',
  namespace: 'ci',
  createdAt: 1000,
  fence: 1,
  state: 'running',
  source: { file: 'app.yaml', text: '' },
  parameters: {},
  trigger: {},
  agents: {},
  git: {},
  stages: {},
};
const finished = (record: RunRecord): RunRecord => ({ ...record, state: 'finished', outcome: 'succeeded' });

/** A writer between a store and those who hear of it. */
class World {
  readonly clock = new VirtualClock();
  readonly store = new MemoryRunStore();
  readonly said: string[] = [];
  readonly lease = new AbortController();
  readonly ownership = new Ownership({
    fence: 1,
    leaseLost: this.lease.signal,
    confirm: async () => undefined,
  });
  loads = 0;
  writer!: RecordWriter;

  static async make(more: Partial<RunRecord> = {}): Promise<World> {
    const world = new World();
    const { store, clock, ownership, said } = world;
    const load = store.load.bind(store);
    store.load = (place, options) => {
      world.loads += 1;
      return load(place, options);
    };
    const stored = await store.create({ ...first, ...more }, { signal });
    world.writer = new RecordWriter({
      ...{ store, clock, stored, ownership },
      onCancel: ({ message }) => void said.push(`cancel: ${message}`),
      onTrouble: (error) => void said.push(`trouble: ${(error as Error).message}`),
      onUnusable: ({ message }) => void said.push(`unusable: ${message}`),
    });
    return world;
  }

  get stored(): RunRecord {
    return this.store.recordOf('01RUN')!;
  }

  get writes(): number {
    return this.store.history.length - 1;
  }

  wait(ms = 1): Promise<void> {
    return this.clock.sleep(ms, { signal });
  }

  /** As a run flushes: no longer than 30 s. */
  flush(): Promise<void> {
    const late = new AbortController();
    void this.wait(30_000).then(() => late.abort(new Error('it took too long')));
    return this.writer.flush({ signal: late.signal });
  }

  /** No answer to any write, though it is done. */
  loseAnswers(): void {
    const update = this.store.update.bind(this.store);
    this.store.update = async (...args) => {
      await update(...args);
      return new Promise(() => undefined);
    };
  }
}

describe('the writer of a record', () => {
  it('writes a change at once, and leaves no timer', async () => {
    const { writer, clock, store } = await World.make();

    writer.updateStage('build', { state: 'running' });
    await clock.sleep(1, { signal });

    expect(store.recordOf('01RUN')?.stages['build']).toMatchObject({ state: 'running', attempt: 0 });
    expect(clock.sleeping).toBe(0);
  });

  it('writes what is not urgent after two seconds, with all that came meanwhile', async () => {
    const world = await World.make();

    world.writer.updateStage('build', { offsets: { a: 1 } }, 'soon');
    await world.wait(1500);
    world.writer.updateStage('build', { offsets: { a: 2 } }, 'soon');
    await world.wait(499);
    const before = world.writes;
    await world.wait(2);

    expect([before, world.writes]).toEqual([0, 1]);
    expect(world.stored.stages['build']?.offsets).toEqual({ a: 2 });
  });

  it('counts the time that the run has had runners', async () => {
    const world = await World.make({ tookMs: 5000 });
    await world.wait(1000);

    world.writer.update((record) => record);
    const { tookMs } = world.writer;
    await world.wait();

    expect(tookMs).toBe(6000);
    expect(world.stored).toMatchObject({ tookMs: 6000, writtenAt: world.clock.now() - 1 });
  });

  it('tries again with longer and longer pauses, and complains once', async () => {
    const world = await World.make();
    world.store.failWrites.push(...Array.from({ length: 7 }, noAnswer));

    world.writer.update((record) => ({ ...record, git: { sha: 'c0ffee' } }));
    await world.wait(500 + 1000 + 2000 + 4000 + 8000 + 10_000 + 10_000 - 1);
    const before = world.writes;
    await world.wait(2);

    expect([before, world.writes]).toEqual([0, 1]);
    expect(world.said).toEqual(['trouble: no answer']);
    world.store.failWrites.push(noAnswer());
    world.writer.update((record) => record);
    await world.wait(502);
    expect([world.writes, world.said.length]).toEqual([2, 2]);
  });

  it('writes nothing once it is closed', async () => {
    const world = await World.make();

    world.writer.update((record) => record, 'soon');
    await world.writer.close();
    world.writer.update((record) => record);
    await world.wait(10_000);

    expect([world.writes, world.said.length, world.clock.sleeping]).toEqual([0, 0, 0]);
  });

  it('loses the run, and complains of nothing, when the store says that it is another’s', async () => {
    const world = await World.make();
    world.store.failWrites.push(new LeaseLostError('claimed'));

    world.writer.update((record) => record);
    await world.wait(10_000);

    expect(world.ownership.leaseLost.reason).toEqual(new LeaseLostError('claimed'));
    expect([world.writes, world.said.length]).toEqual([0, 0]);
  });

  it('does not write again what was refused for good, but tries what comes later', async () => {
    const world = await World.make();
    world.store.failWrites.push(damaged());

    world.writer.update((record) => record);
    await world.wait(60_000);
    const before = world.writes;
    world.writer.update((record) => record);
    await world.flush();

    expect([before, world.writes]).toEqual([0, 1]);
    expect(world.said).toEqual(['unusable: it is damaged']);
  });
});

describe('a record that was changed by somebody else', () => {
  it('keeps that change, and the next write is over it', async () => {
    const world = await World.make();
    world.store.change('01RUN', (record) => ({ ...record, logs: { host: 'a', directory: '/logs' } }));

    world.writer.update((record) => ({ ...record, git: { sha: 'c0ffee' } }));
    await world.wait();

    expect(world.stored).toMatchObject({
      state: 'running',
      logs: { host: 'a', directory: '/logs' },
      git: { sha: 'c0ffee' },
    });
    expect(world.said).toEqual([]);
  });

  it('is cancelling, and is written so, when that was asked for', async () => {
    const world = await World.make();
    world.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' }));

    world.writer.update((record) => ({ ...record, git: { sha: 'c0ffee' } }));
    await world.wait();

    expect(world.stored).toMatchObject({ state: 'cancelling', git: { sha: 'c0ffee' } });
    expect(world.said).toEqual(['cancel: cancelled by `pipeline cancel`']);
  });

  it('is finished when the run has ended by then', async () => {
    const world = await World.make();
    world.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' }));

    world.writer.update(finished);
    await world.wait();

    expect(world.stored.state).toBe('finished');
    expect(world.said).toEqual([]);
  });

  it('is left alone, without a complaint, when another runner has claimed it', async () => {
    const world = await World.make();
    world.store.failWrites.push(new ConflictError('changed'));
    world.store.change('01RUN', (record) => ({ ...record, fence: 2 }));

    world.writer.update((record) => record);
    await world.wait(10_000);

    expect(world.ownership.leaseLost.reason).toMatchObject({
      message: 'run 01RUN is owned by another runner now',
    });
    expect([world.stored.fence, world.said.length, world.loads]).toEqual([2, 0, 1]);
  });

  it('is not complained of when the run is lost while it is read', async () => {
    const world = await World.make();
    world.store.failWrites.push(new ConflictError('changed'));
    world.store.load = async (_place, options) => {
      await world.clock.sleep(60_000, options);
      return undefined;
    };

    world.writer.update((record) => record);
    await world.wait();
    world.lease.abort(new LeaseLostError('taken over'));
    await world.wait(120_000);

    expect(world.said).toEqual([]);
  });

  it('is tried again after a while when it cannot be read, or is gone', async () => {
    const [unread, gone] = [await World.make(), await World.make()];
    for (const { store } of [unread, gone]) store.failWrites.push(new ConflictError('changed'));
    const load = unread.store.load.bind(unread.store);
    unread.store.load = async () => {
      unread.store.load = load;
      throw noAnswer();
    };
    gone.store.drop('01RUN');

    unread.writer.update((record) => record);
    gone.writer.update((record) => record);
    await unread.wait(499);
    await gone.wait(499);
    const before = unread.writes;
    await unread.wait(2);

    expect([before, unread.writes]).toEqual([0, 1]);
    expect(unread.said).toEqual(['trouble: changed']);
    expect(gone.said).toEqual(['cancel: the record of the run was deleted', 'trouble: changed']);
  });
});

describe('a look for a cancellation', () => {
  const look = (world: World, freshMs = 5000) => world.writer.checkForCancel({ signal, freshMs });

  it('is not needed soon after a write, which would have failed', async () => {
    const world = await World.make();
    await look(world);
    world.writer.update((record) => record);
    await world.wait();

    await world.wait(4998);
    await look(world);
    const before = world.loads;
    await world.wait(1);
    await look(world);

    expect([before, world.loads]).toEqual([1, 2]);
    expect(world.said).toEqual([]);
  });

  it.each<[string, (record: RunRecord) => RunRecord, string[]]>([
    ['nothing when it was not', (record) => record, []],
    [
      'the cancellation',
      (record) => ({ ...record, state: 'cancelling' }),
      ['cancel: cancelled by `pipeline cancel`'],
    ],
  ])('finds %s', async (_case, change, said) => {
    const world = await World.make();
    world.store.change('01RUN', change);

    await look(world);

    expect(world.said).toEqual(said);
    expect(world.ownership.leaseLost.aborted).toBe(false);
  });

  it('finds that the record is gone, unless the run has ended', async () => {
    const [running, ended] = [await World.make(), await World.make()];
    ended.writer.update(finished);
    await ended.wait(10_000);
    for (const { store } of [running, ended]) store.drop('01RUN');

    await look(running);
    await look(ended);

    expect(running.said).toEqual(['cancel: the record of the run was deleted']);
    expect(ended.said).toEqual([]);
  });

  it('finds that another runner has claimed the run', async () => {
    const world = await World.make();
    world.store.change('01RUN', (record) => ({ ...record, fence: 2, state: 'cancelling' }));

    await look(world);

    expect(world.ownership.leaseLost.reason).toMatchObject({
      message: 'run 01RUN is owned by another runner now',
    });
    expect(world.said).toEqual([]);
  });

  it.each<[string, () => Error, string[]]>([
    ['tells of a record that cannot be used', damaged, ['unusable: it is damaged']],
    ['leaves other trouble to the next look', noAnswer, []],
  ])('%s, and throws it', async (_case, make, said) => {
    const world = await World.make();
    world.store.load = () => Promise.reject(make());

    await expect(look(world)).rejects.toThrow(make().message);

    expect(world.said).toEqual(said);
  });
});

describe('the wait until everything is written', () => {
  it('hurries what is not urgent', async () => {
    const world = await World.make();
    const begun = world.clock.now();
    world.writer.update((record) => record, 'soon');

    await world.flush();

    expect([world.writes, world.clock.now() - begun]).toEqual([1, 0]);
  });

  it.each([0, 100])('ends with the refusal of what cannot be written, also after %i ms', async (ms) => {
    const world = await World.make();
    world.store.failWrites.push(damaged());
    const begun = world.clock.now();
    world.writer.update((record) => record);
    if (ms > 0) await world.wait(ms);

    await expect(world.flush()).rejects.toThrow('it is damaged');

    expect(world.clock.now() - begun).toBe(ms);
  });

  it('ends when the run is lost', async () => {
    const world = await World.make();
    world.store.failWrites.push(new LeaseLostError('claimed'));
    world.writer.update((record) => record);
    await world.wait();

    await expect(world.flush()).resolves.toBeUndefined();
  });

  it('takes too long while no answer comes, though the record is written', async () => {
    const world = await World.make();
    world.loseAnswers();
    world.writer.update((record) => record);

    await expect(world.flush()).rejects.toThrow('it took too long');

    expect([world.writes, world.loads]).toEqual([1, 0]);
  });

  it.each<[string, ((record: RunRecord) => RunRecord) | undefined, boolean]>([
    ['is stored', (record) => record, true],
    ['is stored with another outcome', (record) => ({ ...record, outcome: 'failed' }), false],
    ['is another runner’s', (record) => ({ ...record, fence: 2 }), false],
    ['is not stored', (record) => ({ ...record, state: 'running' }), false],
    ['is gone with its record', undefined, false],
  ])('of an end without an answer asks the store: it %s', async (_case, change, isOver) => {
    const world = await World.make();
    world.loseAnswers();
    world.writer.update(finished);
    await world.wait();
    if (change === undefined) world.store.drop('01RUN');
    else world.store.change('01RUN', change);

    const flushed = world.flush();

    await (isOver ? flushed : expect(flushed).rejects.toThrow('it took too long'));
    expect(world.loads).toBe(1);
  });
});

describe('what a run has taken of its timeout', () => {
  it('is what its runners measured, or what an older record tells', () => {
    expect(elapsedMs({ ...first, tookMs: 7, writtenAt: 9000 })).toBe(7);
    expect(elapsedMs({ ...first, writtenAt: 9000 })).toBe(8000);
    expect(elapsedMs({ ...first, writtenAt: 500 })).toBe(0);
    expect(elapsedMs(first)).toBe(0);
  });
});
