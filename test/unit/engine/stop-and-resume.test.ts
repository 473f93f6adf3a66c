import { describe, expect, it } from '@jest/globals';
import { ConflictError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { runLease } from '../../../src/ports/run-record.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';
import { StoppableProcess } from '../../fakes/stoppable-process.ts';

const long = pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - name: build
    run: |
      echo 1
      sleep 10s
      echo 2
      sleep 10s
      echo 3
      output version=1.2
  - {name: test, run: "expect V=1.2\\necho ok", env: {V: "\${{ stages.build.outputs.version }}"}}
finally:
  - {name: tell, run: "echo bye"}
`);

const deaf = pipelineOf('stages: [{name: deaf, wait: {for: 10h, deaf: true}}]');

const noAnswers = (length: number) => Array.from({ length }, () => new UnreachableError('no answer'));

describe('cancelling a run', () => {
  it('stops the running stage, cancels the rest, and runs the finally stages', async () => {
    const harness = new RunHarness(long);

    const result = await harness.start({}, harness.interruptAfter(5000));

    expect(result).toMatchObject({ outcome: 'interrupted', message: 'interrupted by SIGINT' });
    expect(outcomesOf(result)).toEqual({
      source: 'succeeded',
      build: 'cancelled',
      test: 'cancelled',
      tell: 'succeeded',
    });
    expect(harness.agents.calls.at(-1)).toBe('release');
    expect(harness.story().slice(-6)).toEqual([
      'stage.finished build cancelled',
      'stage.finished test cancelled',
      'stage.started tell 1',
      'stage.finished tell succeeded',
      'agent.removed demo-main',
      'run.finished interrupted',
    ]);
  });

  it('obeys `pipeline cancel`, which writes into the record', async () => {
    const harness = new RunHarness(long);
    harness.after(7000, () =>
      harness.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' })),
    );

    const result = await harness.start();

    expect(result).toMatchObject({ outcome: 'aborted', message: 'cancelled by `pipeline cancel`' });
    expect(outcomesOf(result)['build']).toBe('cancelled');
    expect(harness.store.recordOf('01RUN')).toMatchObject({ state: 'finished', outcome: 'aborted' });
  });

  it('obeys it when the clock of the machine was set back', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: quiet, wait: {for: 10m}}]'));
    harness.after(5000, () => void (harness.clock.wallShiftMs = -3_600_000));
    harness.after(7000, () =>
      harness.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' })),
    );

    expect(outcomesOf(await harness.start())['quiet']).toBe('cancelled');
  });

  it('ends when the record was deleted', async () => {
    const harness = new RunHarness(long);
    harness.after(7000, () => harness.store.drop('01RUN'));

    const result = await harness.start();

    expect(result).toMatchObject({ outcome: 'aborted', message: 'the record of the run was deleted' });
  });

  it('leaves a stage behind that does not end by itself', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: deaf, wait: {for: 10h, deaf: true}}]'));

    const result = await harness.start({ stageGraceMs: 20_000 }, harness.interruptAfter(1000));

    expect(result).toMatchObject({ outcome: 'interrupted', durationMs: 21_000 });
  });

  it('is not cancelled by a signal that comes after its stages', async () => {
    const harness = new RunHarness(
      pipelineOf('stages: [{name: a, wait: {for: 1s}}]\nfinally: [{name: tell, wait: {for: 10s}}]'),
    );

    expect((await harness.start({}, harness.interruptAfter(5000))).outcome).toBe('succeeded');
    expect(harness.store.history.map(({ state }) => state)).not.toContain('cancelling');
  });

  it('does not wait out a backoff', async () => {
    const harness = new RunHarness(
      pipelineOf(
        'stages: [{name: a, retry: {max: 5, on: [failure], backoff: 1h}, wait: {for: 1s, result: failed}}]',
      ),
    );

    const result = await harness.start({}, harness.interruptAfter(5000));

    expect(result).toMatchObject({ outcome: 'interrupted', durationMs: 5000 });
  });
});

describe('resuming a run', () => {
  it('follows the running step from where the dead runner stopped, and starts nothing twice', async () => {
    const harness = new RunHarness(long);
    harness.after(12_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    const before = harness.store.recordOf('01RUN');

    const result = await harness.resume();

    expect(before?.stages['build']).toMatchObject({ state: 'running', attempt: 1 });
    expect(result.outcome).toBe('succeeded');
    expect(outcomesOf(result)).toEqual({
      source: 'succeeded',
      build: 'succeeded',
      test: 'succeeded',
      tell: 'succeeded',
    });
    expect(harness.agents.calls).toEqual([
      'acquire main',
      'start source.1.checkout',
      'start build.1.run',
      'acquire main',
      'follow build.1.run',
      'start test.1.run',
      'start tell.1.run',
      'release',
    ]);
  });

  it.each([3_600_000, -3_600_000])(
    'counts timeouts by what runners measured, with a wall clock that is wrong by %d ms',
    async (wallShiftMs) => {
      const harness = new RunHarness(
        pipelineOf(`
timeout: 1m
stages: [{name: build, run: "sleep 9s\\necho half\\nsleep 31s", timeout: 45s}, {name: test, run: "sleep 25s"}]
`),
      );
      harness.after(12_000, () => harness.steal());
      await expect(harness.start()).rejects.toThrow(LeaseLostError);
      harness.clock.wallShiftMs = wallShiftMs;

      const result = await harness.resume();

      expect(result).toMatchObject({ outcome: 'failed', message: 'the run took longer than 60 s' });
      expect(outcomesOf(result)).toEqual({ build: 'succeeded', test: 'timedOut' });
    },
  );

  it('shows every byte of a step once', async () => {
    const harness = new RunHarness(long);
    harness.after(14_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    await harness.resume();

    expect(harness.outputOf('build')).toBe('1\n2\n3\n');
  });

  it('hands whole logs to those who lack them, as shown before, and shows the rest once', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: tidy, run: "echo tidy"}
  - {name: build, retry: {max: 1, on: [failure]}, run: "echo 1\\nonce mark exit 3\\nsleep 10s\\necho 2\\nsleep 5s\\necho 3"}
`),
    );
    harness.after(18_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    const shown = harness.outputOf('build');
    harness.events.length = 0;
    harness.lacksLog = () => true;

    await harness.resume();

    const whole = (id: string) =>
      harness.events
        .flatMap((event) => (event.type === 'step.output' && event.id === id ? [event.chunk.toString()] : []))
        .join('');
    expect(shown).toBe('1\n1\n2\n');
    expect(harness.outputOf('build')).toBe('3\n');
    expect(harness.outputOf('tidy')).toBe('');
    expect([whole('tidy.1.run'), whole('build.1.run'), whole('build.2.run')]).toEqual([
      'tidy\n',
      '1\n',
      '1\n2\n3\n',
    ]);
  });

  it('goes on when whole logs cannot be read, and says so', async () => {
    const harness = new RunHarness(long);
    harness.after(12_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.lacksLog = () => true;
    harness.agents.view = () => Promise.reject(new UnreachableError('no answer'));

    const result = await harness.resume();

    expect(result.outcome).toBe('succeeded');
    expect(harness.story()).toContain(
      'notice the logs of stages that were done could not be brought to the log folder: no answer',
    );
  });

  it('does not wait for whole logs when it is interrupted, or another runner takes the run', async () => {
    const harness = new RunHarness(long);
    harness.after(12_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.lacksLog = () => true;
    harness.agents.view = async (_run, { signal }) => {
      await harness.clock.sleep(240_000, { signal });
      return [];
    };
    const calls = harness.agents.calls.length;
    harness.after(5000, () => harness.steal());
    await expect(harness.resume()).rejects.toThrow(LeaseLostError);
    const resumedAt = harness.clock.now();

    const result = await harness.resume({}, harness.interruptAfter(5000), 'third');

    expect(result.outcome).toBe('interrupted');
    expect(harness.clock.now() - resumedAt).toBeLessThan(30_000);
    expect(harness.agents.calls.slice(calls)).toEqual([
      'acquire main',
      'acquire main',
      'start tell.1.run',
      'release',
    ]);
  });

  it('reports what it found', async () => {
    const harness = new RunHarness(long);
    harness.after(5000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.events.length = 0;

    await harness.resume();

    const notices = harness.events.flatMap((event) => (event.type === 'notice' ? [event.level] : []));
    expect(notices).toEqual(['info', 'info']);
    expect(harness.story().slice(0, 5)).toEqual([
      'run.started resumed',
      'notice run resumed; done: source; resumed at: build; pending: test, tell',
      'notice output that the previous runner showed after 22:13:22 UTC (by its clock) is shown again',
      'stage.finished source succeeded',
      'stage.started build 1',
    ]);
  });

  it('writes and removes nothing once the lease is lost', async () => {
    const harness = new RunHarness(long);
    harness.after(5000, () => harness.steal());

    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    const writes = harness.store.history.length;
    await harness.clock.sleep(60_000, { signal: new AbortController().signal });

    expect(harness.store.history).toHaveLength(writes);
    expect(harness.agents.calls).not.toContain('release');
    expect(harness.story().at(-1)).toBe('stage.started build 1');
  });

  it('removes the pod of a runner that died after its last stage, before the removal', async () => {
    const harness = new RunHarness(long);
    const release = harness.agents.release.bind(harness.agents);
    harness.agents.release = async () => {
      harness.steal();
      throw new LeaseLostError('it died here');
    };
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.agents.release = release;

    const result = await harness.resume();

    expect(result.outcome).toBe('succeeded');
    expect(harness.agents.calls.slice(-2)).toEqual(['start tell.1.run', 'release']);
    expect(harness.agents.pods.size).toBe(0);
  });

  it('waits until a runner whose lease was deleted has noticed, before it takes its run over', async () => {
    const harness = new RunHarness(long);
    let lostAt = Infinity;
    harness.after(12_000, () => harness.leases.delete(runLease({ runId: '01RUN', namespace: 'ci' })));
    const first = harness.start().catch((error: unknown) => {
      lostAt = harness.clock.now();
      return error;
    });
    await harness.clock.sleep(12_000, { signal: new AbortController().signal });

    await harness.resume();

    expect(await first).toBeInstanceOf(LeaseLostError);
    const taken = harness.events.find((event) => event.type === 'run.started' && event.resumed);
    expect(taken?.at).toBeGreaterThan(lostAt);
  });

  it('waits for such a runner again after one that waited was interrupted', async () => {
    const harness = new RunHarness(long);
    let lostAt = Infinity;
    harness.after(12_000, () => harness.leases.delete(runLease({ runId: '01RUN', namespace: 'ci' })));
    const first = harness.start().catch((error: unknown) => {
      lostAt = harness.clock.now();
      return error;
    });
    await harness.clock.sleep(12_000, { signal: new AbortController().signal });
    await expect(harness.resume({}, harness.interruptAfter(1000))).rejects.toThrow('interrupted');

    const result = await harness.resume({}, new AbortController().signal, 'third');

    expect(await first).toBeInstanceOf(LeaseLostError);
    expect(result.outcome).toBe('succeeded');
    const taken = harness.events.find((event) => event.type === 'run.started' && event.resumed);
    expect(taken?.at).toBeGreaterThan(lostAt);
    const notice =
      'notice the lease of run 01RUN was deleted; waiting 15 s for a runner that still relies on it';
    expect(harness.story().filter((line) => line === notice)).toHaveLength(2);
    expect(harness.events.find(({ type }) => type === 'notice')).toMatchObject({ level: 'info' });
  });

  it.each([
    ['it has ended meanwhile', { state: 'finished', outcome: 'succeeded' } as const, 'is finished already'],
    ['another has claimed it meanwhile', { fence: 2 }, undefined],
  ])('does not wait so when %s', async (_case, change, error) => {
    const harness = new RunHarness(long);
    const lease = runLease({ runId: '01RUN', namespace: 'ci' });
    harness.after(12_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    const load = harness.store.load.bind(harness.store);
    let isRead = false;
    harness.store.load = async (reference, options) => {
      const stored = await load(reference, options);
      if (isRead || stored === undefined) return stored;
      isRead = true;
      const other = { ...lease, subject: 'the run', holder: 'other', fenceAfter: 1 };
      await (await harness.leases.process().acquire(other, options)).release(options);
      await harness.store.update(stored, { ...stored.record, ...change }, options);
      return stored;
    };
    const begun = harness.clock.now();

    const resumed = harness.resume({}, harness.interruptAfter(5000));
    await (error === undefined ? resumed : expect(resumed).rejects.toThrow(error));

    expect(harness.story().filter((line) => line.includes('was deleted'))).toEqual([]);
    expect(harness.clock.now() - begun).toBeLessThan(15_000);
  });

  it('is left alone by a first runner that slept before it had its lease, and makes that anew', async () => {
    const process = new StoppableProcess();
    const harness = new RunHarness(long, { process });
    const acquire = harness.leases.acquire.bind(harness.leases);
    let isResumed = false;
    harness.leases.acquire = async (request, options) => {
      if (isResumed) return acquire(request, options);
      isResumed = true;
      await harness.resume();
      harness.leases.delete(request);
      return acquire(request, options);
    };

    await expect(harness.start()).rejects.toThrow('is owned by another runner now');

    expect(harness.agents.calls.at(-1)).toBe('release');
    expect(harness.agents.calls.filter((call) => call === 'release')).toHaveLength(1);
    expect(harness.store.recordOf('01RUN')).toMatchObject({
      state: 'finished',
      outcome: 'succeeded',
      fence: 2,
    });
  });

  it('is left alone by a first runner whose machine slept before it had its lease', async () => {
    const harness = new RunHarness(long);
    const acquire = harness.leases.acquire.bind(harness.leases);
    harness.leases.acquire = async (request, options) => {
      const stored = await harness.store.load({ runId: harness.runId, namespace: 'ci' }, options);
      if (stored === undefined) throw new Error('there is no stored run');
      await harness.store.update(stored, { ...stored.record, fence: 2 }, options);
      harness.clock.wallShiftMs = 3_600_000; // the monotonic clock stood still
      return acquire(request, options);
    };

    await expect(harness.start()).rejects.toThrow('is owned by another runner now');

    expect(harness.agents.calls).toEqual([]);
  });

  it('brings the workspace back when the pod is gone too', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, run: "need source\\nwrite app=1\\nsleep 20s\\nneed app"}
`),
    );
    harness.after(5000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.agents.lose('nodeLost');

    const result = await harness.resume();

    expect(outcomesOf(result)).toEqual({ source: 'succeeded', build: 'succeeded' });
    expect(harness.agents.calls.slice(3)).toEqual([
      'acquire main',
      'start source.2.checkout',
      'start build.2.run',
      'release',
    ]);
    expect(result.stages[1]?.attempts).toBe(2);
  });

  it('continues to cancel what was being cancelled', async () => {
    const harness = new RunHarness(long);
    harness.after(5000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' }));

    const result = await harness.resume();

    expect(result.outcome).toBe('aborted');
    expect(outcomesOf(result)).toEqual({
      source: 'succeeded',
      build: 'cancelled',
      test: 'cancelled',
      tell: 'succeeded',
    });
  });

  it('says why it was stopped, whoever resumes it', async () => {
    const harness = new RunHarness(deaf);
    harness.after(5500, () => harness.steal());
    await expect(harness.start({ stageGraceMs: 60_000 }, harness.interruptAfter(5000))).rejects.toThrow(
      LeaseLostError,
    );

    const result = await harness.resume();

    expect(result).toMatchObject({ outcome: 'interrupted', message: 'interrupted by SIGINT' });
  });

  it('says that its time was up, when it was', async () => {
    const harness = new RunHarness(`timeout: 5s\n${deaf}`);
    harness.after(5500, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    const result = await harness.resume();

    expect(result).toMatchObject({ outcome: 'failed', message: 'the run took longer than 5 s' });
  });

  it('does not say who stopped it when an older version did not write it down', async () => {
    const harness = new RunHarness(long);
    harness.after(5000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' }));

    expect((await harness.resume()).message).toBe('the run was cancelled before it was resumed');
  });

  it('refuses a run that another runner owns', async () => {
    const harness = new RunHarness(long);
    const first = harness.start();
    await harness.clock.sleep(5000, { signal: new AbortController().signal });

    await expect(harness.resume()).rejects.toThrow('run 01RUN is owned by another runner (first)');
    expect((await first).outcome).toBe('succeeded');
  });

  it('refuses a run that is finished', async () => {
    const harness = new RunHarness(long);
    await harness.start();

    await expect(harness.resume()).rejects.toThrow('run 01RUN is finished already');
  });
});

describe('the record of a run', () => {
  it('holds every transition, and offsets only now and then', async () => {
    const chatty = Array.from({ length: 100 }, (_, index) => `echo ${String(index)}\nsleep 100ms`).join('\n');
    const harness = new RunHarness(pipelineOf(`stages: [{name: build, run: ${JSON.stringify(chatty)}}]`));

    await harness.start();

    const states = harness.store.history.map(({ stages }) => stages['build']?.state);
    expect([...new Set(states)]).toEqual([undefined, 'running', 'done']);
    expect(harness.store.history.length).toBeLessThan(12);
  });

  it('is written again after a conflict and after trouble, which the run survives', async () => {
    const harness = new RunHarness(long);
    harness.store.failWrites.push(
      new UnreachableError('no answer'),
      new ConflictError('changed'),
      new UnreachableError('no answer'),
    );

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(harness.store.recordOf('01RUN')).toMatchObject({ state: 'finished', outcome: 'succeeded' });
    expect(harness.events.find(({ type }) => type === 'notice')).toMatchObject({
      level: 'warning',
      message: "the run's record cannot be written just now: no answer",
    });
  });

  it('does not overwrite a cancellation that came between two writes', async () => {
    const harness = new RunHarness(long);
    harness.after(9000, () =>
      harness.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' })),
    );

    const result = await harness.start({ cancelPollMs: 3_600_000 });

    expect(result.outcome).toBe('aborted');
  });

  it('says what has ended in the pod before the pod is removed, for a runner that resumes', async () => {
    const harness = new RunHarness(long);
    const release = harness.agents.release.bind(harness.agents);
    let told: unknown;
    harness.agents.release = (run, options) => {
      told = harness.store.recordOf('01RUN')?.stages['tell']?.outcome;
      return release(run, options);
    };
    // The write that says so is refused, and tried again after a while.
    harness.after(19_999, () => harness.store.failWrites.push(...noAnswers(3)));

    await harness.start();

    expect(told).toBe('succeeded');
  });

  it('takes the run’s end for written when it is stored, though the answer came too late', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: a, wait: {for: 1s}}]'));
    const update = harness.store.update.bind(harness.store);
    harness.store.update = async (stored, record, options) => {
      const written = await update(stored, record, options);
      if (record.state === 'finished') await harness.clock.sleep(3_600_000, options);
      return written;
    };

    await expect(harness.start()).resolves.toMatchObject({ outcome: 'succeeded' });
  });

  it('ends the run even when its end cannot be written, and not as a success', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: a, wait: {for: 1s}}]'));
    harness.store.failWrites.push(...noAnswers(1000));

    const result = await harness.start();

    expect(result).toMatchObject({
      outcome: 'infrastructure',
      message: expect.stringContaining("the run's end could not be recorded"),
    });
    expect(harness.story().slice(-3)).toEqual([
      "notice the run's stages could not be recorded before the agent pods are removed: writing the last record of the run took longer than 30 s",
      "notice the run's end could not be recorded: writing the last record of the run took longer than 30 s",
      'run.finished infrastructure',
    ]);
  });
});
