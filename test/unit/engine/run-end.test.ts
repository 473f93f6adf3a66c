import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { CancelledError } from '../../../src/base/errors.ts';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';

const { signal } = new AbortController();
const text = pipelineOf(`
timeout: 1h
stages:
  - {name: source, timeout: 10m, checkout: {}}
  - {name: build, timeout: 10m, retry: {max: 1, backoff: 1s}, run: "sleep 5s\\nonce l lose deleted\\nneed source"}
  - {name: deploy, timeout: 10m, wait: {for: 10s, undo: works}}
finally:
  - {name: tell, timeout: 10m, run: "sleep 5s"}
`);

describe('a run that has ended', () => {
  it.each<[string, number | undefined]>([
    ['by itself', undefined],
    ['interrupted in its agent', 2000],
    ['interrupted when there is something to undo', 15_000],
    ['interrupted at its end', 22_000],
  ])('leaves no timer and no listener behind, %s', async (_case, afterMs) => {
    const harness = new RunHarness(text);
    const stop = new AbortController();
    if (afterMs !== undefined)
      harness.after(afterMs, () => stop.abort(new CancelledError('SIGINT', { fault: 'interrupted' })));

    await harness.start({}, stop.signal);

    expect(harness.clock.sleeping).toBe(0);
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
    const told = harness.events.length;
    await harness.clock.sleep(7_200_000, { signal });
    expect(harness.events).toHaveLength(told);
    expect(harness.story().at(-1)).toMatch(/^run\.finished/);
  });

  it('leaves none when another runner has taken it, or it was resumed', async () => {
    const harness = new RunHarness(text);
    harness.after(8000, () => harness.steal());
    harness.lacksLog = () => true;
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    await harness.clock.sleep(5000, { signal }); // the step in the pod goes on
    const { sleeping } = harness.clock;

    const result = await harness.resume();

    expect(result.outcome).toBe('succeeded');
    expect([sleeping, harness.clock.sleeping]).toEqual([0, 0]);
  });
});

describe('a run whose signal was aborted before its first stage', () => {
  it('starts none, records why, and runs the finally stages', async () => {
    const harness = new RunHarness(text);
    const stop = new AbortController();
    const acquire = harness.leases.acquire.bind(harness.leases);
    harness.leases.acquire = async (request, options) => {
      const lease = await acquire(request, options);
      stop.abort(new CancelledError('SIGINT', { fault: 'interrupted' }));
      return lease;
    };

    const result = await harness.start({}, stop.signal);

    expect(result).toMatchObject({ outcome: 'interrupted', message: 'SIGINT' });
    expect(outcomesOf(result)).toEqual({
      source: 'cancelled',
      build: 'cancelled',
      deploy: 'cancelled',
      tell: 'succeeded',
    });
    expect(harness.store.history).toContainEqual(
      expect.objectContaining({ state: 'cancelling', stop: { message: 'SIGINT', fault: 'interrupted' } }),
    );
  });
});

describe('the finally stages', () => {
  it('have their time', async () => {
    const harness = new RunHarness(
      pipelineOf('stages: [{name: a, wait: {for: 1s}}]\nfinally: [{name: tell, wait: {for: 1h}}]'),
    );

    const result = await harness.start({ finallyMs: 5000 });

    expect(result).toMatchObject({ outcome: 'failed', durationMs: 6000 });
    expect(result.stages[1]).toMatchObject({
      outcome: 'timedOut',
      message: 'the finally stages took longer than 5 s',
    });
  });

  it('know that the run was interrupted', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages: [{name: a, wait: {for: 1h}}]
finally:
  - {name: tell, when: run.status == "interrupted", wait: {for: 1s}}
  - {name: other, when: run.status == "aborted", wait: {for: 1s}}
`),
    );

    const result = await harness.start({}, harness.interruptAfter(5000));

    expect(outcomesOf(result)).toEqual({ a: 'cancelled', tell: 'succeeded', other: 'skipped' });
  });

  it('end with their runner’s ownership', async () => {
    const harness = new RunHarness(
      pipelineOf('stages: [{name: a, wait: {for: 1s}}]\nfinally: [{name: tell, wait: {for: 1h}}]'),
    );
    const begun = harness.clock.now();
    harness.after(5000, () => harness.steal());

    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    expect(harness.clock.now() - begun).toBe(5000);
  });
});

describe('a reporter that fails', () => {
  const four = pipelineOf(`
stages:
  - {name: quick, needs: [], wait: {for: 1s}}
  - {name: slow, needs: [], wait: {for: 10m}}
finally:
  - {name: first, needs: [], wait: {for: 1s}}
  - {name: second, needs: [], wait: {for: 5m}}
`);

  it.each([
    ['quick', { slow: 'cancelled', first: 'succeeded', second: 'succeeded' }, 301_000],
    ['first', { slow: 'succeeded', second: 'cancelled' }, 601_000],
  ])(
    'is a fault of our own at the end of %s: what runs beside is stopped',
    async (stage, outcomes, tookMs) => {
      const harness = new RunHarness(four);
      harness.onEvent = (event) => {
        if (event.type === 'stage.finished' && event.stage === stage) throw new TypeError('it broke');
      };

      const result = await harness.start();

      expect(result).toMatchObject({ outcome: 'internal', message: 'it broke', durationMs: tookMs });
      expect(outcomesOf(result)).toMatchObject(outcomes);
      expect(harness.story().at(-1)).toBe('run.finished internal');
    },
  );

  it('ends a run by its error when that cannot begin, and its agent is not waited for', async () => {
    const harness = new RunHarness(text);
    harness.onEvent = (event) => {
      if (event.type === 'run.started') throw new TypeError('it broke');
    };

    await expect(harness.start()).rejects.toThrow('it broke');
    await harness.clock.sleep(60_000, { signal });

    expect(harness.story()).toEqual(['run.started', 'agent.created demo-main']);
    expect(harness.clock.sleeping).toBe(0);
  });
});

describe('what is not recorded at the end', () => {
  it('is not complained of by a runner that has lost its run', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: a, wait: {for: 10s}}]'));
    harness.after(9000, () =>
      harness.store.failWrites.push(...Array.from({ length: 1000 }, () => new UnreachableError('no answer'))),
    );
    const begun = harness.clock.now();
    harness.after(15_000, () => harness.steal());

    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    expect(harness.clock.now() - begun).toBe(15_000);
    expect(harness.story().join()).not.toContain('could not be recorded');
  });
});

describe('the agent of a run', () => {
  it('lives as long as the run may, and belongs to its record', async () => {
    const harness = new RunHarness(text);
    const specs: unknown[] = [];
    const acquire = harness.agents.acquire.bind(harness.agents);
    harness.agents.acquire = (spec, options) => {
      specs.push(spec);
      return acquire(spec, options);
    };

    await harness.start({ finallyMs: 60_000, cleanupMs: 30_500 });

    expect(specs[0]).toMatchObject({
      runId: '01RUN',
      deadlineSeconds: 3600 + 60 + 31,
      owner: { kind: 'ConfigMap', name: 'slipway-run-01run' },
      secrets: { read: expect.any(Function) },
    });
  });
});
