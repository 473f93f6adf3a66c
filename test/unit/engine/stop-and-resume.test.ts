import { describe, expect, it } from '@jest/globals';
import { ConflictError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { LeaseLostError } from '../../../src/ports/run-record.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';

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

  it('ends when the record was deleted', async () => {
    const harness = new RunHarness(long);
    harness.after(
      7000,
      () =>
        void harness.store.remove(
          { runId: '01RUN', namespace: 'ci' },
          { signal: new AbortController().signal },
        ),
    );

    const result = await harness.start();

    expect(result).toMatchObject({ outcome: 'aborted', message: 'the record of the run was deleted' });
  });

  it('leaves a stage behind that does not end by itself', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: deaf, wait: {for: 10h, deaf: true}}]'));

    const result = await harness.start({ settleMs: 20_000 }, harness.interruptAfter(1000));

    expect(result).toMatchObject({ outcome: 'interrupted', durationMs: 21_000 });
  });

  it('is not cancelled by a signal that comes after its stages', async () => {
    const harness = new RunHarness(
      pipelineOf('stages: [{name: a, wait: {for: 1s}}]\nfinally: [{name: tell, wait: {for: 10s}}]'),
    );

    expect((await harness.start({}, harness.interruptAfter(5000))).outcome).toBe('succeeded');
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
    harness.after(12_000, () => harness.store.steal('01RUN'));
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

  it('shows every byte of a step once', async () => {
    const harness = new RunHarness(long);
    harness.after(14_000, () => harness.store.steal('01RUN'));
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
    harness.after(18_000, () => harness.store.steal('01RUN'));
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

  it('says what it found', async () => {
    const harness = new RunHarness(long);
    harness.after(5000, () => harness.store.steal('01RUN'));
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.events.length = 0;

    await harness.resume();

    expect(harness.story().slice(0, 5)).toEqual([
      'run.started resumed',
      'notice resumed; found done: source; taken up where it stands: build; still to do: test, tell',
      'notice output that the runner before showed after 22:13:22 UTC (by its clock) is shown again',
      'stage.finished source succeeded',
      'stage.started build 1',
    ]);
  });

  it('writes and removes nothing once the lease is lost', async () => {
    const harness = new RunHarness(long);
    harness.after(5000, () => harness.store.steal('01RUN'));

    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    const writes = harness.store.history.length;
    await harness.clock.sleep(60_000, { signal: new AbortController().signal });

    expect(harness.store.history).toHaveLength(writes);
    expect(harness.agents.calls).not.toContain('release');
    expect(harness.story().at(-1)).toBe('stage.started build 1');
  });

  it('brings the workspace back when the pod is gone too', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, run: "need source\\nwrite app=1\\nsleep 20s\\nneed app"}
`),
    );
    harness.after(5000, () => harness.store.steal('01RUN'));
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
  });

  it('goes on cancelling what was being cancelled', async () => {
    const harness = new RunHarness(long);
    harness.after(5000, () => harness.store.steal('01RUN'));
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

  it('refuses a run that another runner drives', async () => {
    const harness = new RunHarness(long);
    const first = harness.start();
    await harness.clock.sleep(5000, { signal: new AbortController().signal });

    await expect(harness.resume()).rejects.toThrow('run 01RUN is driven by another runner (first)');
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
    expect(harness.story().some((line) => line.includes('cannot be written just now'))).toBe(true);
  });

  it('does not overwrite a cancellation that came between two writes', async () => {
    const harness = new RunHarness(long);
    harness.after(9000, () =>
      harness.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' })),
    );

    const result = await harness.start({ cancelPollMs: 3_600_000 });

    expect(result.outcome).toBe('aborted');
  });

  it('ends the run even when its end cannot be written', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: a, wait: {for: 1s}}]'));
    harness.store.failWrites.push(...Array.from({ length: 1000 }, () => new UnreachableError('no answer')));

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(harness.story()).toContain(
      "notice the run's end could not be recorded: writing the last record of the run took longer than 30 s",
    );
  });
});
