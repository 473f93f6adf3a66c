import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { outcomesOf, pipelineOf, RunHarness } from '../../fakes/run-harness.ts';
import { cases } from '../../support/cases.ts';

interface Written {
  needs: number[] | undefined;
  seconds: number;
  result: 'succeeded' | 'failed' | 'rolledBack';
  allowFailure: boolean;
  when: string | undefined;
  retries: number;
}

/** Stages that need only stages written before them: every graph without a cycle is one of these. */
const graphs = fc
  .array(
    fc.record<Written>({
      needs: fc.option(fc.uniqueArray(fc.nat(9), { maxLength: 3 }), { nil: undefined }),
      seconds: fc.integer({ min: 1, max: 30 }),
      result: fc.constantFrom('succeeded', 'succeeded', 'succeeded', 'failed', 'rolledBack'),
      allowFailure: fc.boolean(),
      when: fc.constantFrom(undefined, undefined, 'true', 'false'),
      retries: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 10 },
  )
  .map((stages) =>
    stages.map((stage, index) => ({ ...stage, needs: stage.needs?.filter((need) => need < index) })),
  );

function write(stages: readonly Written[], agent = false): string {
  const lines = stages.map((stage, index) => {
    const work = agent
      ? `run: ${JSON.stringify(`echo a\nsleep ${String(stage.seconds)}s\necho b\n${stage.result === 'succeeded' ? '' : 'exit 1'}`)}`
      : `wait: {for: ${String(stage.seconds)}s, result: ${stage.result}}`;
    const needs =
      stage.needs === undefined
        ? ''
        : `, needs: [${stage.needs.map((need) => `s${String(need)}`).join(', ')}]`;
    const when = stage.when === undefined ? '' : `, when: ${JSON.stringify(stage.when)}`;
    const retry = `, retry: {max: ${String(stage.retries)}, on: [failure], backoff: 1s}`;
    return `  - {name: s${String(index)}, allowFailure: ${String(stage.allowFailure)}${needs}${when}${retry}, ${work}}`;
  });
  return pipelineOf(`stages:\n${lines.join('\n')}\nfinally: [{name: tell, wait: {for: 1s}}]`);
}

describe('any graph of stages', () => {
  it('starts no stage before everything that it needs is done', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, fc.integer({ min: 1, max: 4 }), async (stages, maxParallelStages) => {
        const harness = new RunHarness(write(stages));

        const result = await harness.start({ maxParallelStages });

        const done = new Set<string>();
        const needs = new Map(harness.plan().nodes.map((node) => [node.name, node.needs]));
        for (const event of harness.events) {
          if (event.type === 'stage.started') {
            expect(needs.get(event.stage)?.filter((need) => !done.has(need))).toEqual([]);
          }
          if (event.type === 'stage.finished') done.add(event.stage);
        }
        expect(done.size).toBe(stages.length + 1);
        expect(result.stages).toHaveLength(stages.length + 1);
      }),
      { numRuns: cases(60) },
    );
  });

  it('ends soon after a cancellation at any moment, with the finally stages run and the agent gone', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, fc.integer({ min: 0, max: 60_000 }), async (stages, afterMs) => {
        const harness = new RunHarness(write(stages, true));

        const result = await harness.start({}, harness.interruptAfter(afterMs));

        const ended = harness.events.at(-1);
        expect(ended?.type).toBe('run.finished');
        expect(['interrupted', 'succeeded', 'failed']).toContain(result.outcome);
        if (result.outcome === 'interrupted') expect(result.durationMs).toBeLessThanOrEqual(afterMs + 2000);
        expect(outcomesOf(result)['tell']).toBe('succeeded');
        expect(harness.agents.pods.size).toBe(0);
      }),
      { numRuns: cases(60) },
    );
  });

  it('comes to the same end when its runners die, and starts no step twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        graphs,
        fc.array(fc.integer({ min: 3000, max: 20_000 }), { maxLength: 3 }),
        async (stages, deaths) => {
          const whole = new RunHarness(write(stages, true));
          const expected = outcomesOf(await whole.start());
          const harness = new RunHarness(write(stages, true));

          let result = await oneRunner(harness, deaths[0], () => harness.start());
          for (const [index, death] of [...deaths.slice(1), undefined].entries()) {
            if (result !== undefined) break;
            result = await oneRunner(harness, death, () =>
              harness.resume({}, undefined, `runner ${String(index)}`),
            );
          }

          const starts = harness.agents.calls.filter((call) => call.startsWith('start'));
          expect(outcomesOf(result!)).toEqual(expected);
          expect(starts).toHaveLength(new Set(starts).size);
        },
      ),
      { numRuns: cases(60) },
    );
  });
});

/** What a runner comes to: the run's end, or nothing when it dies before. */
async function oneRunner<T>(
  harness: RunHarness,
  deathMs: number | undefined,
  run: () => Promise<T>,
): Promise<T | undefined> {
  const running = run();
  if (deathMs !== undefined) harness.after(deathMs, () => harness.steal());
  try {
    return await running;
  } catch (error) {
    if (error instanceof LeaseLostError) return undefined;
    throw error;
  }
}
