import { describe, expect, it } from '@jest/globals';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';

const releasing = (more = '', undo = 'works') =>
  pipelineOf(`
stages:
  - {name: deploy, ${more} wait: {for: 10s, undo: ${undo}}}
  - {name: after, needs: [deploy], wait: {for: 10s, undo: works}}
`);

const undone = (harness: RunHarness) => harness.story().filter((line) => line.startsWith('notice undoing'));

describe('a stage that had begun and is stopped', () => {
  it('undoes what it had begun before it ends, and a stage that had not begun undoes nothing', async () => {
    const harness = new RunHarness(releasing());

    const result = await harness.start({}, harness.interruptAfter(5000));

    expect(outcomesOf(result)).toEqual({ deploy: 'cancelled', after: 'cancelled' });
    expect(harness.story()).toEqual([
      'run.started',
      'stage.started deploy 1',
      'notice undoing deploy',
      'stage.finished deploy cancelled',
      'stage.finished after cancelled',
      'run.finished interrupted',
    ]);
  });

  it('undoes it in a resumed run that was being cancelled, without being started again', async () => {
    const harness = new RunHarness(releasing());
    harness.after(5000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.store.change('01RUN', (record) => ({ ...record, state: 'cancelling' }));
    harness.events.length = 0;

    const result = await harness.resume();

    expect(result.outcome).toBe('aborted');
    expect(harness.story().slice(2)).toEqual([
      'notice undoing deploy',
      'stage.finished deploy cancelled',
      'stage.finished after cancelled',
      'run.finished aborted',
    ]);
  });

  it('undoes it when its time is up', async () => {
    const harness = new RunHarness(releasing('timeout: 5s,'));

    const result = await harness.start();

    expect(outcomesOf(result)).toMatchObject({ deploy: 'timedOut' });
    expect(undone(harness)).toEqual(['notice undoing deploy']);
  });

  it('leaves it to the next attempt when there is one', async () => {
    const harness = new RunHarness(releasing('timeout: 5s, retry: {max: 1, on: [failure], backoff: 1s},'));

    const result = await harness.start();

    expect(result.stages[0]).toMatchObject({ outcome: 'timedOut', attempts: 2 });
    expect(undone(harness)).toEqual(['notice undoing deploy']);
  });

  it('undoes nothing when the run was taken over', async () => {
    const harness = new RunHarness(releasing());
    harness.after(5000, () => harness.steal());

    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    expect(undone(harness)).toEqual([]);
  });
});

describe('a stage of a kind that has nothing to undo', () => {
  it('evaluates nothing again when it is stopped', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, env: {KEY: "\${{ hashFiles('x') }}"}, run: "sleep 1h"}
`),
    );

    await harness.start({}, harness.interruptAfter(5000));

    expect(harness.agents.calls.filter((call) => call.startsWith('query'))).toHaveLength(1);
  });
});

describe('a stage that ends by itself', () => {
  it('undoes nothing', async () => {
    const harness = new RunHarness(releasing());

    expect((await harness.start()).outcome).toBe('succeeded');

    expect(undone(harness)).toEqual([]);
  });
});

describe('an undoing that does not succeed', () => {
  it('is reported, and ends the stage as it was', async () => {
    const harness = new RunHarness(releasing('', 'fails'));

    const result = await harness.start({}, harness.interruptAfter(5000));

    expect(outcomesOf(result)).toMatchObject({ deploy: 'cancelled' });
    expect(harness.events.filter(({ type }) => type === 'notice').at(-1)).toMatchObject({
      stage: 'deploy',
      level: 'warning',
      message: 'what stage "deploy" had begun could not be undone: no way back',
    });
  });

  it('ends, and is not reported, when another runner takes the run', async () => {
    const harness = new RunHarness(releasing('', 'hangs'));
    const begun = harness.clock.now();
    harness.after(8000, () => harness.steal());

    await expect(harness.start({}, harness.interruptAfter(5000))).rejects.toThrow(LeaseLostError);

    expect(harness.clock.now() - begun).toBe(8000);
    expect(harness.story().join()).not.toContain('could not be undone');
  });

  it('has its time', async () => {
    const harness = new RunHarness(releasing('', 'hangs'));

    const result = await harness.start({ stageGraceMs: 20_000 }, harness.interruptAfter(5000));

    expect(result).toMatchObject({ outcome: 'interrupted', durationMs: 25_000 });
    expect(harness.story()).toContain(
      'notice what stage "deploy" had begun could not be undone: undoing stage "deploy" took longer than 20 s',
    );
  });
});
