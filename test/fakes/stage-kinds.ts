import * as z from 'zod';
import type { AnyStageKind, StageContext, StageKind, StageResult } from '../../src/ports/stage.ts';
import { parseDuration } from '../../src/base/duration.ts';

async function runScript(script: string, name: string, context: StageContext): Promise<StageResult> {
  const { stage, container, env, workingDirectory, signal, offsets } = context;
  const agent = await context.agent();
  const id = `${stage.name}.${String(stage.attempt)}.${name}`;
  const result = await agent.runStep(
    { id, container, script, shell: ['sh', '-e'], workingDirectory, env },
    {
      signal,
      fromOffset: offsets[id] ?? 0,
      onOutput: async (chunk, offset) => {
        await context.emit({ type: 'step.output', stage: stage.name, step: name, id, chunk, offset });
        context.saveOffset(id, offset + chunk.length);
      },
    },
  );
  signal.throwIfAborted();
  if (result.type === 'cancelled')
    return { outcome: 'failed', message: 'cancelled', outputs: {}, environment: {} };
  const { exitCode, outputs, environment } = result;
  if (exitCode === 0) return { outcome: 'succeeded', outputs, environment };
  return { outcome: 'failed', message: `exit code ${String(exitCode)}`, outputs, environment };
}

const runFields = { run: z.string().min(1), port: z.number().int().optional(), label: z.string().optional() };

const run: StageKind<z.infer<z.ZodObject<typeof runFields>>> = {
  definition: {
    key: 'run',
    fields: runFields,
    scripts: ['run'],
    restoresWorkspace: true,
    needsAgent: true,
  },
  run: (input, context) => runScript(input.run, 'run', context),
};

const checkoutFields = {
  checkout: z.strictObject({
    url: z.string().optional(),
    ref: z.string().min(1).optional(),
    depth: z.number().int().optional(),
    credentials: z.string().optional(),
  }),
};

const checkout: StageKind<z.infer<z.ZodObject<typeof checkoutFields>>> = {
  definition: {
    key: 'checkout',
    fields: checkoutFields,
    scripts: [],
    secretNames: ['checkout.credentials'],
    providesSource: true,
    restoresWorkspace: true,
    needsAgent: true,
  },
  run: async (input, context) => {
    const sha = context.restoring?.['sha'] ?? 'c0ffee12';
    const branch = input.checkout.ref ?? 'main';
    const script = `write source=${sha}\noutput sha=${sha}\noutput shortSha=${sha.slice(0, 7)}\noutput branch=${branch}\noutput directory=src`;
    return runScript(script, 'checkout', context);
  },
};

const waitFields = {
  wait: z.strictObject({
    for: z.string(),
    result: z.enum(['succeeded', 'failed', 'rolledBack']).optional(),
    throws: z.string().optional(),
    /** Goes on after its signal was aborted. */
    deaf: z.boolean().optional(),
    /** It has something to undo, and says so; how that goes. */
    undo: z.enum(['works', 'fails', 'hangs']).optional(),
  }),
};

/** A stage without an agent: waits and ends as it is told. */
const wait: StageKind<z.infer<z.ZodObject<typeof waitFields>>> = {
  definition: { key: 'wait', fields: waitFields, scripts: [], needsAgent: false },
  run: async ({ wait: input }, context) => {
    const signal = input.deaf === true ? new AbortController().signal : context.signal;
    await context.clock.sleep(parseDuration(input.for), { signal });
    if (input.throws !== undefined) throw new Error(input.throws);
    const outcome = input.result ?? 'succeeded';
    return {
      outcome,
      outputs: {},
      environment: {},
      ...(outcome === 'succeeded' ? {} : { message: `it ${outcome}` }),
    };
  },
  undo: async ({ wait: input }, context) => {
    if (input.undo === undefined) return;
    const { name } = context.stage;
    await context.emit({ type: 'notice', stage: name, level: 'info', message: `undoing ${name}` });
    if (input.undo === 'fails') throw new Error('no way back');
    if (input.undo === 'hangs') await context.clock.sleep(86_400_000, { signal: context.signal });
  },
};

/** Kinds of stages for tests of the core. */
export const testKinds: readonly AnyStageKind[] = [checkout, run, wait];

/** What they are in a file. */
export const testDefinitions = testKinds.map(({ definition }) => definition);
