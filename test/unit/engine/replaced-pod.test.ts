import { describe, expect, it } from '@jest/globals';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { pipelineOf, RunHarness } from '../../fakes/run-harness.ts';
import { testKinds } from '../../fakes/stage-kinds.ts';

/** Five stages, each of which needs the files of all before it. */
function chain(third: string): string {
  return pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: one, run: "need source\\nwrite one=1\\nsleep 10s"}
  - {name: two, run: "need one\\nwrite two=1\\nsleep 10s"}
  - {name: three, retry: {max: 1, backoff: 1s}, run: "need two\\n${third}\\nwrite three=1"}
  - {name: four, run: "need three\\nneed one\\nwrite four=1\\nsleep 10s"}
  - {name: five, run: "need four\\nneed one"}
finally:
  - {name: tell, run: "need source"}
`);
}

/** How often the steps of each stage were started. */
function starts({ agents }: RunHarness): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const call of agents.calls) {
    const stage = /^start (\w+)\./.exec(call)?.[1];
    if (stage !== undefined) counts[stage] = (counts[stage] ?? 0) + 1;
  }
  return counts;
}

describe('after the agent pod was replaced', () => {
  it('the stages before run once more in the new pod, and those that ran in it never again', async () => {
    const harness = new RunHarness(chain('once lost lose deleted'));

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(starts(harness)).toEqual({ source: 2, one: 2, two: 2, three: 2, four: 1, five: 1, tell: 1 });
    const told = harness.story().filter((line) => /source|run again/.test(line));
    expect(told).toEqual([
      'stage.started source 1',
      'stage.finished source succeeded',
      'notice the agent pod is a new one: source, one, two run again to bring their files back',
      'stage.started source 2',
      'stage.finished source succeeded',
    ]);
    expect(harness.events.find(({ type }) => type === 'notice')).toMatchObject({ level: 'info' });
  });

  it('it is filled once for all stages that wait for that, which is told once', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: one, run: "write one=1\\nsleep 10s"}
  - {name: left, needs: [one], retry: {max: 1, backoff: 1s}, run: "need one\\nsleep 5s\\nneed one"}
  - {name: right, needs: [one], retry: {max: 1, backoff: 1s}, run: "need one\\nsleep 5s\\nneed one"}
`),
    );
    harness.after(12_000, () => harness.agents.lose('evicted'));

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(starts(harness)).toEqual({ source: 2, one: 2, left: 2, right: 2 });
    expect(harness.story().filter((line) => /source|one\b/.test(line))).toEqual([
      'stage.started source 1',
      'stage.finished source succeeded',
      'stage.started one 1',
      'stage.finished one succeeded',
      'notice the agent pod is a new one: source, one run again to bring their files back',
      'stage.started source 2',
      'stage.finished source succeeded',
      'stage.started one 2',
      'stage.finished one succeeded',
    ]);
  });

  it('so it is by a runner that resumes the run and finds no pod', async () => {
    const harness = new RunHarness(chain('sleep 10s'));
    harness.after(25_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.agents.lose('nodeLost');

    const result = await harness.resume();

    expect(result.outcome).toBe('succeeded');
    expect(starts(harness)).toEqual({ source: 2, one: 2, two: 2, three: 2, four: 1, five: 1, tell: 1 });
  });

  it('a runner that resumes the run while files are brought back brings back the rest alone', async () => {
    const harness = new RunHarness(chain('once lost lose deleted'));
    harness.after(33_000, () => harness.steal()); // while `one` or `two` runs again
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    const before = starts(harness);

    const result = await harness.resume();

    expect(before).toEqual({ source: 2, one: 2, two: 2, three: 1 });
    expect(result.outcome).toBe('succeeded');
    expect(harness.agents.calls).toContain('follow two.2.run');
    expect(starts(harness)).toEqual({ source: 2, one: 2, two: 2, three: 2, four: 1, five: 1, tell: 1 });
  });

  it('a stage that could not be brought back is tried again by the next that needs it', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: one, run: "need source\\nwrite one=1"}
  - {name: two, needs: [one], retry: {max: 1, backoff: 1s}, run: "once lost lose deleted\\nneed one"}
  - {name: other, needs: [one], retry: {max: 1, backoff: 30s}, run: "sleep 5s\\nneed one"}
`),
    );
    harness.agents.failSteps.set('one.2.run', 1);

    const result = await harness.start();

    expect(result.stages.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'source succeeded',
      'one succeeded',
      'two infrastructure',
      'other succeeded',
    ]);
    expect(starts(harness)).toEqual({ source: 2, one: 3, two: 1, other: 1 });
  });

  it('what was being brought back into a pod that is lost, too, begins anew in the next', async () => {
    const harness = new RunHarness(chain('once lost lose deleted'));
    harness.after(33_000, () => harness.steal()); // while `two` runs again
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.agents.lose('nodeLost');

    const result = await harness.resume();

    expect(result.outcome).toBe('succeeded');
    expect(harness.agents.calls).toContain('start two.3.run');
    expect(starts(harness)).toMatchObject({ source: 3, one: 3, two: 3, four: 1 });
  });

  it('a resumed run counts what had succeeded in the pod that it finds', async () => {
    const harness = new RunHarness(chain('once lost lose deleted'));
    harness.after(50_000, () => harness.steal()); // while `four` runs
    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    const result = await harness.resume();

    expect(result.outcome).toBe('succeeded');
    expect(starts(harness)).toEqual({ source: 2, one: 2, two: 2, three: 2, four: 1, five: 1, tell: 1 });
  });

  it('a stage that ran beside the loss is brought back only for those that need it', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: left, needs: [source], run: "write left=1"}
  - {name: right, needs: [source], retry: {max: 1, backoff: 1s}, run: "sleep 5s\\nonce lost lose evicted\\nwrite right=1"}
  - {name: after, needs: [right], run: "need right\\nneed source"}
  - {name: both, needs: [left, after], run: "need left\\nneed right"}
`),
    );

    const result = await harness.start();

    expect(result.outcome).toBe('succeeded');
    expect(starts(harness)).toEqual({ source: 2, left: 2, right: 2, after: 1, both: 1 });
  });

  it('a stage of a record that does not say its pod is where the pod was found at work', async () => {
    const [found, gone] = await Promise.all(
      [false, true].map(async (isGone) => {
        const harness = new RunHarness(chain('sleep 10s'));
        harness.after(25_000, () => harness.steal());
        await expect(harness.start()).rejects.toThrow(LeaseLostError);
        harness.store.change('01RUN', (record) => ({
          ...record,
          stages: Object.fromEntries(
            Object.entries(record.stages).map(([name, { pod: _pod, ...stage }]) => [name, stage]),
          ),
        }));
        if (isGone) harness.agents.lose('nodeLost');
        await harness.resume();
        return { ...starts(harness), again: harness.agents.calls.includes('start three.2.run') };
      }),
    );

    expect(found).toEqual({ source: 1, one: 1, two: 1, three: 1, four: 1, five: 1, tell: 1, again: false });
    expect(gone).toMatchObject({ source: 2, one: 2, two: 2, three: 2, four: 1, again: true });
  });

  it('a checkout that finds another commit ends the stage that needs it', async () => {
    let count = 0;
    const kinds = testKinds.map((kind) =>
      kind.definition.key === 'checkout'
        ? {
            ...kind,
            run: async () => ({
              outcome: 'succeeded' as const,
              outputs: { sha: `c0ffee${String((count += 1))}` },
              environment: {},
            }),
          }
        : kind,
    );
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, retry: {max: 1, backoff: 1s}, run: "once l lose deleted"}
`),
      { kinds },
    );

    const result = await harness.start();

    expect(result).toMatchObject({
      outcome: 'infrastructure',
      message: 'build: the agent pod was lost, and source now finds another commit than c0ffee1',
    });
  });

  it('says which stages run again, and how one failed to', async () => {
    const harness = new RunHarness(chain('once lost lose deleted'));
    harness.agents.failSteps.set('one.2.run', 7);

    const result = await harness.start();

    expect(harness.story()).toContain(
      'notice the agent pod is a new one: source, one, two run again to bring their files back',
    );
    expect(result).toMatchObject({
      outcome: 'infrastructure',
      message: 'three: the agent pod was lost, and one could not bring its files back: exit code 7',
    });
  });
});
