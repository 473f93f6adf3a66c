import { describe, expect, it } from '@jest/globals';
import * as z from '../../../src/base/zod.ts';
import type { ExpressionScope } from '../../../src/expressions/scope.ts';
import { evaluateStageInput, staticallyNeedsAgent } from '../../../src/plan/stage-input.ts';
import { testDefinitions } from '../../fakes/stage-kinds.ts';

const scope: ExpressionScope = {
  params: { target: 'staging', replicas: 3, ratio: 0.5, fast: true },
  env: { LEVEL: 'info' },
  git: { sha: 'c0ffee', branch: 'main' },
  trigger: { ref: 'refs/heads/main' },
  run: { status: 'succeeded' },
  stages: { build: { outcome: 'succeeded', outputs: { version: '1.2', port: '8080' } } },
  matrix: { shard: 2 },
  hashFiles: (patterns) => Promise.resolve(`hash of ${patterns.join(' ')}`),
};

describe("a stage's input", () => {
  const [checkout, run] = testDefinitions;

  it('takes the types that its fields want, and leaves out an optional field that is empty', async () => {
    const input = {
      checkout: {
        depth: '${{ stages.build.outputs.port }}',
        ref: '${{ git.tag }}',
        url: '${{ params.replicas }}',
      },
    };

    expect(await evaluateStageInput(checkout!, input, scope)).toEqual({
      checkout: { depth: 8080, url: '3' },
    });
  });

  it('leaves scripts as they are', async () => {
    const input = { run: 'echo ${{ git.sha }}', label: '${{ git.sha }}' };

    expect(await evaluateStageInput(run!, input, scope)).toEqual({
      run: 'echo ${{ git.sha }}',
      label: 'c0ffee',
    });
  });

  it('says which field a value does not fit', async () => {
    await expect(evaluateStageInput(run!, { run: 'x', port: '${{ git.branch }}' }, scope)).rejects.toThrow(
      'port: expected a number, found "main"',
    );
  });
});

describe('a value that an expression gives', () => {
  const thing = z.strictObject({
    text: z.optional(z.string()),
    number: z.optional(z.number()),
    integer: z.optional(z.int()),
    switch: z.optional(z.boolean()),
    names: z.optional(z.array(z.string().check(z.minLength(1)))),
    either: z.optional(z.union([z.array(z.number()), z.strictObject({ size: z.number() })])),
    nothing: z.optional(z.null()),
  });
  const kind = { key: 'thing', fields: { thing }, scripts: [], needsAgent: false };
  const evaluate = async (input: object) =>
    (await evaluateStageInput(kind, { thing: input }, scope))['thing'];

  it.each([
    [{ text: '${{ params.fast }}' }, { text: 'true' }],
    [{ text: '${{ params.ratio }}' }, { text: '0.5' }],
    [{ number: '${{ "0.25" }}' }, { number: 0.25 }],
    [{ integer: '${{ stages.build.outputs.port }}' }, { integer: 8080 }],
    [{ switch: '${{ "true" }}' }, { switch: true }],
    [{ switch: '${{ "false" }}' }, { switch: false }],
    [{ names: ['${{ params.replicas }}', 'b'] }, { names: ['3', 'b'] }],
    [{ either: { size: '${{ "7" }}' } }, { either: { size: 7 } }],
    [{ either: ['${{ "7" }}', 8] }, { either: [7, 8] }],
    [{ text: '${{ null }}', number: 2 }, { number: 2 }],
    [
      { nothing: null, number: 5, switch: false },
      { nothing: null, number: 5, switch: false },
    ],
  ])('takes the type of its field: %j is %j', async (input, expected) => {
    expect(await evaluate(input)).toEqual(expected);
  });

  it.each([
    [{ number: '8080' }, 'thing.number'],
    [{ switch: 'true' }, 'thing.switch'],
    [{ text: '${{ [1, 2] }}' }, 'thing.text'],
    [{ text: '${{ {"a": 1} }}' }, 'thing.text'],
    [{ number: '${{ "many" }}' }, 'thing.number'],
    [{ number: '${{ " " }}' }, 'thing.number'],
    [{ number: '${{ [4] }}' }, 'thing.number'],
    [{ number: '${{ true }}' }, 'thing.number'],
    [{ switch: '${{ "yes" }}' }, 'thing.switch'],
    [{ switch: '${{ 1 }}' }, 'thing.switch'],
    [{ names: ['a', '${{ git.tag }}'] }, 'thing.names.1'],
  ])('is refused where it has another: %j', async (input, path) => {
    await expect(evaluate(input)).rejects.toThrow(
      expect.objectContaining({
        message: expect.stringMatching(new RegExp(`^${path}: [^\\n]+$`)) as unknown,
        hint: expect.stringContaining('expression') as unknown,
      }),
    );
  });

  it('is refused with all others that do not fit', async () => {
    await expect(evaluate({ number: '${{ "many" }}', switch: '${{ "yes" }}' })).rejects.toThrow(
      /^thing\.number: .+\nthing\.switch: .+$/,
    );
  });

  it('takes the type of a field of the stage itself', async () => {
    const [, run] = testDefinitions;
    const input = { run: 'x', port: '${{ stages.build.outputs.port }}' };

    expect(await evaluateStageInput(run!, input, scope)).toEqual({ run: 'x', port: 8080 });
  });
});

describe('whether a stage needs the agent', () => {
  const definition = { key: 'verify', fields: {}, scripts: [], needsAgent: ['verify.script', 'probe'] };

  it.each([
    [{ verify: { script: { run: 'true' } } }, true],
    [{ verify: { http: { url: '${{ params.url }}' } } }, false],
    [{ verify: { script: '${{ params.script }}' } }, true],
    [{ verify: '${{ params.check }}' }, true],
    [{}, false],
    [{ verify: null }, false],
    [{ verify: { script: undefined } }, false],
    [{ verify: 'text' }, false],
    [{ verify: {}, probe: true }, true],
  ])('is told by what stands at its paths: %j', (input, needed) => {
    expect(staticallyNeedsAgent(definition, input)).toBe(needed);
  });

  it.each([true, false])('is the same for every stage of some kinds: %s', (needsAgent) => {
    expect(staticallyNeedsAgent({ ...definition, needsAgent }, {})).toBe(needsAgent);
  });
});
