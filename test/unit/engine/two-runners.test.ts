import { describe, expect, it } from '@jest/globals';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { runLease, type RunStore } from '../../../src/ports/run-record.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';
import { StoppableProcess } from '../../fakes/stoppable-process.ts';

const { signal } = new AbortController();
const text = pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, run: "echo 1\\nsleep 30s\\necho 2"}
  - {name: test, run: "sleep 10s\\necho tested"}
finally:
  - {name: tell, run: "echo told"}
`);

/** What must hold after another runner has ended the run and the first one is back. */
async function expectNothingDoneBy(first: Promise<unknown>, harness: RunHarness): Promise<void> {
  const record = harness.store.recordOf(harness.runId);
  const writes = harness.store.history.length;
  const calls = harness.agents.calls.length;
  const lease = await harness.leases.process(harness.clock).find(ofHarness(harness), { signal });

  const error: unknown = await first.then(
    (result) => result,
    (reason: unknown) => reason,
  );
  await harness.clock.sleep(120_000, { signal });

  expect(error).toBeInstanceOf(LeaseLostError);
  expect(error).toMatchObject({
    fault: 'aborted',
    hint: expect.stringContaining('another runner has resumed this run'),
  });
  expect(record).toMatchObject({ state: 'finished', outcome: 'succeeded', fence: 2 });
  expect(harness.store.recordOf(harness.runId)).toEqual(record);
  expect(harness.store.history).toHaveLength(writes);
  expect(harness.agents.calls.slice(calls)).toEqual([]);
  expect(harness.agents.calls.filter((call) => call === 'start tell.1.run')).toHaveLength(1);
  expect(harness.agents.pods.size).toBe(0);
  expect(lease).toMatchObject({ holder: '' });
}

const ofHarness = ({ runId }: RunHarness) => runLease({ runId, namespace: 'ci' });

describe('a run that another runner has resumed and ended', () => {
  it.each([4000, 12_000, 33_000])(
    'is left alone by its first runner, which was stopped after %i ms and wakes',
    async (afterMs) => {
      const process = new StoppableProcess();
      const harness = new RunHarness(text, { process });
      const first = harness.start();
      first.catch(() => undefined); // looked at when it is awake
      await harness.clock.sleep(afterMs, { signal });
      process.stop();

      const second = await harness.resume();

      expect(outcomesOf(second)).toMatchObject({ build: 'succeeded', test: 'succeeded', tell: 'succeeded' });
      process.wake();
      await expectNothingDoneBy(first, harness);
    },
  );

  it('is left alone by its first runner, which was stopped while it was writing', async () => {
    const process = new StoppableProcess();
    const harness = new RunHarness(text, { process });
    harness.firstStore = process.view<RunStore>(
      new Proxy(harness.store, {
        get: (store, name) => {
          const method: unknown = Reflect.get(store, name, store);
          if (name !== 'update')
            return typeof method === 'function' ? (method.bind(store) as unknown) : method;
          return (...args: Parameters<RunStore['update']>) => {
            // It was sure of its lease, and is stopped before its write is sent.
            if (args[1].stages['build'] === undefined) return store.update(...args);
            process.stop();
            return awake.promise.then(() => store.update(...args));
          };
        },
      }),
    );
    const awake = Promise.withResolvers<undefined>();
    const first = harness.start();
    first.catch(() => undefined);
    await harness.clock.sleep(5000, { signal });

    await harness.resume();

    awake.resolve(undefined);
    process.wake();
    await expectNothingDoneBy(first, harness);
  });

  it('is left alone by its first runner, which was cut off from the API and is back', async () => {
    const harness = new RunHarness(text);
    let isCut = false;
    const cut = new Proxy(harness.store, {
      get: (store, name) => {
        const method: unknown = Reflect.get(store, name, store);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) =>
          isCut
            ? Promise.reject(new UnreachableError('no answer'))
            : (method as (...all: unknown[]) => unknown).apply(store, args);
      },
    });
    harness.firstStore = cut;
    const first = harness.start();
    first.catch(() => undefined);
    await harness.clock.sleep(5000, { signal });
    isCut = true;
    harness.leases.reachable = false;

    const second = await harness.resume();

    expect(outcomesOf(second)).toMatchObject({ build: 'succeeded', test: 'succeeded', tell: 'succeeded' });
    isCut = false;
    harness.leases.reachable = true;
    await expectNothingDoneBy(first, harness);
  });
});

describe('a runner that cannot renew its lease', () => {
  it('begins nothing while it is not sure that the run is still its own, and goes on when it is', async () => {
    const harness = new RunHarness(text);
    const running = harness.start();
    await harness.clock.sleep(5000, { signal });
    harness.leases.reachable = false;
    await harness.clock.sleep(60_000, { signal });
    const before = [...harness.agents.calls];

    harness.leases.reachable = true;
    const result = await running;

    expect(before.at(-1)).toBe('start build.1.run'); // which ended 30 s ago
    expect(result.outcome).toBe('succeeded');
    expect(outcomesOf(result)).toMatchObject({ test: 'succeeded', tell: 'succeeded' });
  });

  it('makes and removes no pod, and writes nothing, until then', async () => {
    const harness = new RunHarness(
      pipelineOf('stages: [{name: build, retry: {max: 1}, run: "once mark sleep 20s\\necho built"}]'),
    );
    const running = harness.start();
    await harness.clock.sleep(3000, { signal });
    harness.leases.reachable = false;
    await harness.clock.sleep(12_000, { signal });
    const [calls, writes] = [harness.agents.calls.length, harness.store.history.length];

    harness.agents.lose('nodeLost');
    await harness.clock.sleep(60_000, { signal });

    expect(harness.agents.calls.slice(calls)).toEqual([]);
    expect(harness.store.history.slice(writes)).toEqual([]);
    harness.leases.reachable = true;
    expect(await running).toMatchObject({ outcome: 'succeeded' });
    expect(harness.agents.calls.slice(calls)).toEqual([
      'release main',
      'acquire main-2',
      'start build.2.run',
      'release',
    ]);
  });

  it('ends at once when its lease was deleted, and does not bring it back', async () => {
    const harness = new RunHarness(text);
    const running = harness.start();
    running.catch(() => undefined);
    await harness.clock.sleep(5000, { signal });

    harness.leases.delete(ofHarness(harness));

    await expect(running).rejects.toThrow('the lease of run 01RUN was deleted');
    await expect(harness.leases.find(ofHarness(harness), { signal })).resolves.toBeUndefined();
    expect(harness.agents.calls).not.toContain('start tell.1.run');
  });
});

describe('a run whose namespace is deleted', () => {
  it('ends as an infrastructure failure that says so, and not as one that another runner has', async () => {
    const harness = new RunHarness(text);
    harness.after(12_000, () => {
      harness.store.drop(harness.runId);
      harness.leases.deleteNamespace('ci');
    });

    const ended = harness.start();

    await expect(ended).rejects.toMatchObject({
      fault: 'infrastructure',
      message: expect.stringMatching(/^namespace ci was deleted/),
    });
    expect(harness.story().join()).not.toContain('another runner');
  });
});
