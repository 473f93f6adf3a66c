import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import type { AnyStageKind, StageContext, StageResult } from '../../../src/ports/stage.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';
import { testKinds } from '../../fakes/stage-kinds.ts';

const nothing: StageResult = { outcome: 'succeeded', outputs: {}, environment: {} };

/** Kinds of stages that do what a test says: `look` in the agent, `peek` without leaving a file, `ask` without one. */
function looking(look: (context: StageContext) => Promise<unknown>): readonly AnyStageKind[] {
  const kind = (key: string, needsAgent: boolean, restoresWorkspace = false): AnyStageKind => ({
    definition: { key, fields: { [key]: z.string() }, scripts: [], needsAgent, restoresWorkspace },
    run: async (_input, context) => ((await look(context)) as StageResult | undefined) ?? nothing,
  });
  return [...testKinds, kind('look', true, true), kind('peek', true), kind('ask', false)];
}

describe('what a stage gets from the engine', () => {
  it('is its run, its name and attempt, and the agent', async () => {
    const seen: unknown[] = [];
    const kinds = looking(async (context) => {
      const { run, stage, container, workingDirectory, ownership } = context;
      const { pod } = await context.agent();
      seen.push({ run, stage, pod, container, workingDirectory, fence: ownership.fence });
      return undefined;
    });
    const harness = new RunHarness(pipelineOf('stages: [{name: a, look: x}, {name: b, ask: x}]'), { kinds });

    await harness.start();

    const common = {
      run: { id: '01RUN', pipeline: 'demo', namespace: 'ci' },
      pod: 'demo-main',
      container: 'default',
      workingDirectory: '.',
      fence: 1,
    };
    expect(seen).toEqual([
      { ...common, stage: { name: 'a', attempt: 1 } },
      { ...common, stage: { name: 'b', attempt: 1 } },
    ]);
  });

  it('is no agent once another runner has the run', async () => {
    const asked: unknown[] = [];
    const kinds = looking(async (context) => {
      await context.clock.sleep(20_000, { signal: new AbortController().signal });
      await context.agent().catch((error: unknown) => asked.push(error));
      return undefined;
    });
    const harness = new RunHarness(pipelineOf('stages: [{name: a, look: x}]'), { kinds });
    harness.after(5000, () => harness.steal());

    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    await harness.clock.sleep(60_000, { signal: new AbortController().signal });

    expect(asked).toEqual([expect.any(LeaseLostError)]);
  });

  it('is what it put out before when it only brings its files back', async () => {
    const seen: unknown[] = [];
    const kinds = looking(async ({ restoring }) => {
      seen.push(restoring);
      return { ...nothing, outputs: { digest: `d${String(seen.length)}` } };
    });
    const text = pipelineOf(`
stages:
  - {name: a, look: x}
  - {name: b, retry: {max: 1, backoff: 1s}, run: "once l lose deleted"}
`);
    const harness = new RunHarness(text, { kinds });

    await harness.start();

    expect(seen).toEqual([undefined, { digest: 'd1' }]);
    expect(harness.store.recordOf('01RUN')?.stages['a']?.outputs).toEqual({ digest: 'd1' });
  });

  it('remembers the furthest offset that it has shown, whatever it shows again', async () => {
    const kinds = looking(async (context) => {
      for (const offset of [0, 700, 300]) context.saveOffset('a.1.x', offset);
      context.saveOffset('a.1.y', 0);
      await context.clock.sleep(60_000, context);
      return undefined;
    });
    const harness = new RunHarness(pipelineOf('stages: [{name: a, look: x}]'), { kinds });
    harness.after(10_000, () => harness.steal());

    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    expect(harness.store.recordOf('01RUN')?.stages['a']?.offsets).toEqual({ 'a.1.x': 700, 'a.1.y': 0 });
  });

  it('is where to follow its steps from: a little before what an earlier runner has shown', async () => {
    const harness = new RunHarness(
      pipelineOf(`stages: [{name: a, run: "echo ${'x'.repeat(100_000)}\\nsleep 1m\\necho end"}]`),
    );
    harness.after(10_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.events.length = 0;

    await harness.resume();

    const output = harness.events.flatMap((event) =>
      event.type === 'step.output' ? [[event.offset, event.chunk.length, event.shownBefore]] : [],
    );
    expect(output).toEqual([
      [100_001 - 65_536, 65_536, true],
      [100_001, 4, undefined],
    ]);
  });
});

describe('expressions over files', () => {
  it('stand in a condition, too, before the stage works in its agent', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: none, when: "hashFiles('x') != ''", run: "echo a"}
  - {name: some, when: "hashFiles('x') == ''", run: "echo a"}
`),
    );

    const result = await harness.start();

    expect(outcomesOf(result)).toEqual({ source: 'succeeded', none: 'skipped', some: 'succeeded' });
    expect(result.stages[1]?.message).toBe("hashFiles('x') != '' is false");
    expect(harness.agents.calls.filter((call) => call.startsWith('query'))).toEqual([
      'query /workspace/src x',
      'query /workspace/src x',
    ]);
  });
});

describe('the container of a stage', () => {
  const text = (name: string) =>
    pipelineOf(`
parameters: {box: {type: string, default: other}}
agent: {containers: {agent: {image: "a:1"}, other: {image: "b:1"}, third: {image: "c:1"}}}
stages: [{name: a, container: ${name}, look: x}, {name: b, look: x}]
`);

  it('is the one it names, by an expression too, or the first', async () => {
    const seen: string[] = [];
    const kinds = looking(async ({ container }) => {
      seen.push(container);
      return undefined;
    });

    await new RunHarness(text('"${{ params.box }}"'), { kinds }).start();

    expect(seen).toEqual(['other', 'agent']);
  });

  it('has to be one of its agent', async () => {
    const harness = new RunHarness(text('"${{ params.box }}x"'), { kinds: looking(async () => undefined) });

    const result = await harness.start();

    expect(result).toMatchObject({
      outcome: 'failed',
      message: 'a: agent.containers has no "otherx"',
      hint: 'allowed: agent, other, third',
    });
  });
});

describe('a stage that ends after it was told to stop', () => {
  it.each([
    ['failed', 'cancelled'],
    ['succeeded', 'succeeded'],
    ['rolledBack', 'rolledBack'],
  ])('and %s is %s', async (result, expected) => {
    const harness = new RunHarness(
      pipelineOf(`stages: [{name: a, wait: {for: 20s, deaf: true, result: ${result}}}]`),
    );

    const ended = await harness.start({}, harness.interruptAfter(5000));

    expect(outcomesOf(ended)).toEqual({ a: expected });
  });

  it('is not waited for when another runner has the run', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: a, wait: {for: 10h, deaf: true}}]'));
    const begun = harness.clock.now();
    harness.after(5000, () => harness.steal());

    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    expect(harness.clock.now() - begun).toBe(5000);
  });

  it('has as long to end when it was told so while it was being started', async () => {
    const harness = new RunHarness(pipelineOf('stages: [{name: a, wait: {for: 10h, deaf: true}}]'));
    const controller = new AbortController();
    harness.onEvent = (event) => {
      if (event.type === 'stage.started') controller.abort(new Error('stop'));
    };

    const result = await harness.start({ stageGraceMs: 20_000 }, controller.signal);

    expect(outcomesOf(result)).toEqual({ a: 'cancelled' });
    expect(result.durationMs).toBe(20_000);
  });

  it('has what is left of its time after earlier runners, counted from its own start', async () => {
    const work = 'sleep 2s\\necho more\\n'.repeat(60);
    const stages = `[{name: before, wait: {for: 40s}}, {name: a, timeout: 30s, run: "${work}"}]`;
    const harness = new RunHarness(pipelineOf(`stages: ${stages}`));
    harness.after(53_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);
    harness.after(12_000, () => harness.steal());
    await expect(harness.resume()).rejects.toThrow(LeaseLostError);
    const resumedAt = harness.clock.now();

    const result = await harness.resume();

    expect(outcomesOf(result)).toEqual({ before: 'succeeded', a: 'timedOut' });
    const tookMs = harness.clock.now() - resumedAt;
    expect(tookMs).toBeGreaterThan(5000);
    expect(tookMs).toBeLessThan(14_000);
  });

  it('is not asked again whether it shall run when it is resumed', async () => {
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: a, when: "hashFiles('x') == ''", run: "sleep 1m"}
`),
    );
    harness.after(10_000, () => harness.steal());
    await expect(harness.start()).rejects.toThrow(LeaseLostError);

    await harness.resume();

    expect(harness.agents.calls.filter((call) => call.startsWith('query'))).toHaveLength(1);
  });
});

describe('what is brought back into a new pod', () => {
  it('is what succeeded of kinds that fill the workspace', async () => {
    const ran: string[] = [];
    const kinds = looking(async ({ stage }) => {
      ran.push(stage.name);
    });
    const harness = new RunHarness(
      pipelineOf(`
stages:
  - {name: filled, look: x}
  - {name: peeked, peek: x}
  - {name: failed, allowFailure: true, run: "exit 1"}
  - {name: b, retry: {max: 1, backoff: 1s}, run: "once l lose deleted"}
`),
      { kinds },
    );

    await harness.start();

    expect(ran).toEqual(['filled', 'peeked', 'filled']);
    expect(harness.agents.calls.filter((call) => call.startsWith('start failed'))).toHaveLength(1);
  });
});

describe('a stage without an agent that asks for one', () => {
  it('is tried again, as its policy says, when that cannot start', async () => {
    const kinds = looking((context) => context.agent().then(() => undefined));
    const harness = new RunHarness(pipelineOf('stages: [{name: a, retry: {max: 1, backoff: 1s}, ask: x}]'), {
      kinds,
    });
    harness.after(50, () => harness.agents.lose('imagePull'));

    const result = await harness.start();

    expect(result.stages[0]).toMatchObject({ outcome: 'infrastructure', attempts: 2 });
  });
});

describe('the commit of a run', () => {
  it('is that of a checkout that succeeded', async () => {
    const kinds = testKinds.map((kind) =>
      kind.definition.key === 'checkout'
        ? {
            ...kind,
            run: async (_input: never, { stage: { name } }: StageContext): Promise<StageResult> => ({
              ...nothing,
              outcome: name === 'broken' ? 'failed' : 'succeeded',
              outputs: { sha: `of ${name}` },
            }),
          }
        : kind,
    );
    const harness = new RunHarness(
      pipelineOf('stages: [{name: broken, allowFailure: true, checkout: {}}, {name: source, checkout: {}}]'),
      { kinds },
    );

    await harness.start();

    expect(harness.store.recordOf('01RUN')?.git).toEqual({ sha: 'of source' });
  });
});
