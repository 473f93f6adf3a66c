import { describe, expect, it } from '@jest/globals';
import { Ownership } from '../../../src/engine/ownership.ts';
import { ConflictError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { LeaseLostError, type LeaseRequest } from '../../../src/ports/leases.ts';
import { runLease, type RunRecord } from '../../../src/ports/run-record.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';

const { signal } = new AbortController();
const text = pipelineOf('stages: [{name: a, wait: {for: 20s}}, {name: b, wait: {for: 1s}}]');

/** A run whose first runner has lost it. */
async function lostRun(): Promise<RunHarness> {
  const harness = new RunHarness(text);
  harness.after(5000, () => harness.steal());
  await expect(harness.start()).rejects.toThrow(LeaseLostError);
  return harness;
}

describe('a runner that resumes a run', () => {
  it('writes its fence and where it keeps the logs into the record', async () => {
    const harness = new RunHarness(text);
    harness.logs = { host: 'a', directory: '/logs/a' };
    harness.after(5000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    const before = harness.store.recordOf('01RUN');
    harness.logs = { host: 'b', directory: '/logs/b' };

    await harness.resume();

    expect(before).toMatchObject({ fence: 1, logs: { host: 'a', directory: '/logs/a' } });
    expect(harness.store.recordOf('01RUN')).toMatchObject({
      fence: 2,
      logs: { host: 'b', directory: '/logs/b' },
    });
  });

  it('keeps the place of the logs when it has none', async () => {
    const harness = await lostRun();
    const logs = { host: 'a', directory: '/logs/a' };
    harness.store.change('01RUN', (record) => ({ ...record, logs }));

    await harness.resume();

    expect(harness.store.recordOf('01RUN')?.logs).toEqual(logs);
  });

  it.each<[string, () => Error]>([
    ['somebody has changed the record', () => new ConflictError('changed')],
    ['the runner before was faster', () => new LeaseLostError('claimed')],
  ])('tries to claim it again when %s', async (_case, make) => {
    const harness = await lostRun();
    harness.store.failWrites.push(make(), make());

    const result = await harness.resume();

    expect(outcomesOf(result)).toEqual({ a: 'succeeded', b: 'succeeded' });
  });

  it('gives up when the record cannot be written', async () => {
    const harness = await lostRun();
    harness.store.failWrites.push(new UnreachableError('no answer'));

    await expect(harness.resume()).rejects.toThrow('no answer');
  });

  it.each<[string, ((record: RunRecord) => RunRecord) | undefined, string]>([
    ['is gone', undefined, 'the record of the run was deleted'],
    ['has ended', (record) => ({ ...record, state: 'finished' }), 'run 01RUN is finished already'],
    ['has a later owner', (record) => ({ ...record, fence: 9 }), 'is owned by another runner now'],
    ['has another of its fence', (record) => ({ ...record, fence: 2 }), 'is owned by another runner now'],
  ])('refuses one that %s when it has its lease', async (_case, change, message) => {
    const harness = await lostRun();
    const load = harness.store.load.bind(harness.store);
    harness.store.load = async (place, options) => {
      harness.store.load = load; // after the look of the command
      const stored = await load(place, options);
      if (change === undefined) harness.store.drop('01RUN');
      else harness.store.change('01RUN', change);
      return stored;
    };

    await expect(harness.resume()).rejects.toThrow(message);

    expect(harness.events.filter(({ type }) => type === 'run.started')).toHaveLength(1);
  });
});

describe('the lease of a run', () => {
  it('is asked for as a new one, or after the fence of the runner before', async () => {
    const harness = new RunHarness(text);
    const requests: LeaseRequest[] = [];
    const acquire = harness.leases.acquire.bind(harness.leases);
    harness.leases.acquire = (request, options) => {
      requests.push(request);
      return acquire(request, options);
    };
    harness.leases.process = () => harness.leases;
    harness.after(5000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    await harness.resume();

    const common = {
      ...{ name: 'slipway-run-01run', namespace: 'ci', subject: 'run 01RUN' },
      owner: { kind: 'ConfigMap', name: 'slipway-run-01run' },
      heldHint: 'follow it by `pipeline attach 01RUN`',
      lostHint: expect.stringContaining('pipeline attach 01RUN'),
    };
    expect(requests).toMatchObject([
      { ...common, holder: 'first', isNew: true, fenceAfter: 0 },
      { ...common, holder: 'second', isNew: false, fenceAfter: 1 },
    ]);
  });

  it('needs no look at the record, but for the one that claims it, where it is the next one', async () => {
    const harness = await lostRun();
    const load = harness.store.load.bind(harness.store);
    let loads = 0;
    harness.store.load = (place, options) => {
      loads += 1;
      return load(place, options);
    };
    let before = 0;
    harness.onEvent = (event) => {
      if (event.type === 'run.started') before = loads;
    };

    await harness.resume();

    expect(before).toBe(2); // that of the command, which hands it over, and the claim
  });

  it('may be gone with the record', async () => {
    const harness = await lostRun();
    const load = harness.store.load.bind(harness.store);
    harness.store.load = async (place, options) => {
      harness.store.load = load;
      const stored = await load(place, options);
      harness.store.drop('01RUN');
      harness.leases.delete(runLease({ runId: '01RUN', namespace: 'ci' }));
      return stored;
    };

    await expect(harness.resume()).rejects.toThrow('the record of the run was deleted');
  });
});

describe('the record of a new run', () => {
  it('has all that a resumed one is planned with', async () => {
    const parameters = { target: 'production' };
    const trigger = { type: 'manual' };
    const harness = new RunHarness(
      pipelineOf('parameters: {target: {type: string}}\nstages: [{name: a, wait: {for: 1s}}]'),
      { parameters, trigger },
    );

    await harness.start();

    expect(harness.store.history[0]).toMatchObject({ parameters, trigger, fence: 1, state: 'running' });
  });
});

describe('a runner that begins a run, and is slow to get its lease', () => {
  /** Something that happens before the lease is given. */
  function meanwhile(harness: RunHarness, what: () => Promise<unknown>): void {
    const acquire = harness.leases.acquire.bind(harness.leases);
    harness.leases.acquire = async (request, options) => {
      harness.leases.acquire = acquire;
      await what();
      return acquire(request, options);
    };
  }

  it('finds that another one has ended it', async () => {
    const harness = new RunHarness(text);
    meanwhile(harness, () => harness.resume());

    await expect(harness.start()).rejects.toThrow('run 01RUN is finished already');
  });

  it('leaves it when the record was changed since', async () => {
    const harness = new RunHarness(text);
    meanwhile(harness, async () => {
      await harness.clock.sleep(10_000, { signal });
      harness.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' }));
    });

    await expect(harness.start()).rejects.toThrow('is owned by another runner now');
  });

  it('runs it when nobody has', async () => {
    const harness = new RunHarness(text);
    meanwhile(harness, () => harness.clock.sleep(10_000, { signal }));

    expect((await harness.start()).outcome).toBe('succeeded');
  });

  it('ends by the error of a write that tells nothing', async () => {
    const harness = new RunHarness(text);
    meanwhile(harness, async () => {
      await harness.clock.sleep(10_000, { signal });
      harness.store.failWrites.push(new UnreachableError('no answer'));
    });

    await expect(harness.start()).rejects.toThrow('no answer');
  });
});

describe('the lease of a run that has ended', () => {
  it('is given back, and the run waits no longer than ten seconds for that', async () => {
    const harness = new RunHarness(text);
    const acquire = harness.leases.acquire.bind(harness.leases);
    const calls: unknown[] = [];
    harness.leases.acquire = async (request, options) => {
      const lease = await acquire(request, options);
      const { holder, fence, isNew, durationMs, leaseLost } = lease;
      return {
        ...{ holder, fence, isNew, durationMs, leaseLost },
        confirm: (call) => lease.confirm(call),
        release: async (call) => {
          calls.push(call.priority);
          await lease.release(call);
          await harness.clock.sleep(3_600_000, call);
        },
      };
    };
    const begun = harness.clock.now();

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(harness.clock.now() - begun).toBe(result.durationMs + 10_000);
    expect([calls, harness.clock.sleeping]).toEqual([['urgent'], 0]);
  });
});

describe('the ownership of a run', () => {
  const lost = new LeaseLostError('taken over');

  it('is confirmed by the lease, and ends with it', async () => {
    const lease = new AbortController();
    const confirmed: unknown[] = [];
    const ownership = new Ownership({
      fence: 7,
      leaseLost: lease.signal,
      confirm: async (options) => void confirmed.push(options),
    });
    const options = { signal };

    await ownership.confirm(options);
    await ownership.fenced({ signal }).beforeWrite?.(options);
    lease.abort(lost);

    await expect(ownership.confirm(options)).rejects.toBe(lost);
    expect(confirmed).toEqual([options, options]);
    expect(ownership.fence).toBe(7);
  });

  it('ends when the record is another runner’s, also while it is being confirmed', async () => {
    const ownership: Ownership = new Ownership({
      fence: 1,
      leaseLost: new AbortController().signal,
      confirm: async () => ownership.lose(lost),
    });

    await expect(ownership.confirm({ signal })).rejects.toBe(lost);

    expect(ownership.leaseLost.reason).toBe(lost);
  });
});
