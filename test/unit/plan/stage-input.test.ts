import { describe, expect, it } from '@jest/globals';
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

describe('whether a stage needs the agent', () => {
  const definition = { key: 'verify', fields: {}, scripts: [], needsAgent: ['verify.script'] };

  it.each([
    [{ verify: { script: { run: 'true' } } }, true],
    [{ verify: { http: { url: '${{ params.url }}' } } }, false],
    [{ verify: { script: '${{ params.script }}' } }, true],
    [{ verify: '${{ params.check }}' }, true],
    [{}, false],
  ])('is told by what stands at its paths: %j', (input, needed) => {
    expect(staticallyNeedsAgent(definition, input)).toBe(needed);
  });

  it.each([true, false])('is the same for every stage of some kinds: %s', (needsAgent) => {
    expect(staticallyNeedsAgent({ ...definition, needsAgent }, {})).toBe(needsAgent);
  });
});
