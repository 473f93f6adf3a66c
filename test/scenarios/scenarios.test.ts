import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import * as z from 'zod';
import { CancelledError } from '../../src/base/errors.ts';
import { parseDuration } from '../../src/base/duration.ts';
import type { RunResult } from '../../src/engine/dependencies.ts';
import { LeaseLostError } from '../../src/ports/leases.ts';
import { outcomesOf, RunHarness } from '../fakes/run-harness.ts';

/** What should come of a fixture; only what is named is compared. */
const Expected = z.strictObject({
  parameters: z.record(z.string(), z.string()).default({}),
  trigger: z.record(z.string(), z.string()).default({}),
  /** What happens to the run while it goes on, in virtual time since its start. */
  does: z
    .array(z.strictObject({ after: z.string(), action: z.enum(['interrupt', 'cancel', 'die']) }))
    .default([]),
  outcome: z.string(),
  message: z.string().optional(),
  stages: z.record(z.string(), z.string()).optional(),
  story: z.string().optional(),
  calls: z.array(z.string()).optional(),
});

const folder = path.join(import.meta.dirname, 'fixtures');
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml') && !name.endsWith('.expected.yaml'))
  .map((name) => name.replace('.yaml', ''));

describe('scenarios', () => {
  it.each(names)('%s', async (name) => {
    const text = readFileSync(path.join(folder, `${name}.yaml`), 'utf8');
    const expected = Expected.parse(parse(readFileSync(path.join(folder, `${name}.expected.yaml`), 'utf8')));
    const harness = new RunHarness(text, { parameters: expected.parameters, trigger: expected.trigger });
    const interrupt = new AbortController();
    for (const { after, action } of expected.does) {
      harness.after(parseDuration(after), () => act(harness, interrupt, action));
    }

    const result = await drive(harness, interrupt.signal);

    expect(result.outcome).toBe(expected.outcome);
    if (expected.message !== undefined) expect(result.message).toBe(expected.message);
    if (expected.stages !== undefined) expect(outcomesOf(result)).toEqual(expected.stages);
    if (expected.story !== undefined) expect(harness.story()).toEqual(expected.story.trimEnd().split('\n'));
    if (expected.calls !== undefined) expect(harness.agents.calls).toEqual(expected.calls);
    expect(harness.agents.pods.size).toBe(0);
    expect(harness.store.recordOf(harness.runId)).toMatchObject({
      state: 'finished',
      outcome: expected.outcome,
    });
  });
});

function act(harness: RunHarness, interrupt: AbortController, action: 'interrupt' | 'cancel' | 'die'): void {
  switch (action) {
    case 'interrupt':
      interrupt.abort(new CancelledError('interrupted by SIGINT', { fault: 'interrupted' }));
      return;
    case 'cancel':
      harness.store.change(harness.runId, (record) => ({ ...record, state: 'cancelling' }));
      return;
    case 'die':
      harness.steal();
  }
}

/** Starts the run, and resumes it whenever its runner died. */
async function drive(harness: RunHarness, signal: AbortSignal): Promise<RunResult> {
  for (let runner = 0; ; runner++) {
    try {
      return await (runner === 0
        ? harness.start({}, signal)
        : harness.resume({}, signal, `runner ${String(runner)}`));
    } catch (error) {
      if (!(error instanceof LeaseLostError) || runner > 5) throw error;
    }
  }
}
