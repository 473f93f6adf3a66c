import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  evaluateCondition,
  evaluateExpression,
  evaluateTemplate,
  evaluateText,
} from '../../../src/expressions/evaluate.ts';
import type { ExpressionScope } from '../../../src/expressions/scope.ts';

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

describe('an expression', () => {
  it.each([
    ['params.replicas + 1', 4],
    ['params.ratio * 2.0', 1],
    ['params.fast && git.branch == "main"', true],
    ['"v" + stages.build.outputs.version', 'v1.2'],
    ['matrix.shard == 2 ? "last" : "first"', 'last'],
    ['trigger.ref.startsWith("refs/heads/")', true],
    ['git.tag == ""', true],
    ['hashFiles("a", "b")', 'hash of a b'],
    ['has(stages.build.outputs.missing)', false],
    ['[1, 2].map(x, x * 2)', [2, 4]],
    ['{"a": params.replicas}', { a: 3 }],
    ['duration("90s")', 90_000],
    ['3u', 3],
    ['null', null],
  ])('%s gives %j', async (source, expected) => {
    expect(await evaluateExpression(source, scope)).toEqual(expected);
  });

  it.each([
    [
      'stages.build.outputs.nothing',
      'the expression stages.build.outputs.nothing failed: No such key: nothing',
    ],
    ['1 / 0', 'the expression 1 / 0 failed: division by zero'],
  ])('%s fails with its name in the message', async (source, message) => {
    await expect(evaluateExpression(source, scope)).rejects.toThrow(message);
  });

  it('keeps the error of hashFiles as it is', async () => {
    const hashFiles = () => Promise.reject(new RangeError('the agent is gone'));

    await expect(evaluateExpression('hashFiles("a") + "x"', { ...scope, hashFiles })).rejects.toThrow(
      new RangeError('the agent is gone'),
    );
  });

  it('is a condition only when it gives true or false', async () => {
    expect(await evaluateCondition('git.branch == "main"', scope)).toBe(true);
    await expect(evaluateCondition('git.branch', scope)).rejects.toThrow('gives "main", not true or false');
  });
});

describe('a string with expressions', () => {
  it('keeps the type when it is one expression, and is text otherwise', async () => {
    expect(await evaluateTemplate('${{ params.replicas }}', scope)).toBe(3);
    expect(await evaluateTemplate('n=${{ params.replicas }}', scope)).toBe('n=3');
    expect(await evaluateText('${{ [params.fast, 1] }}', scope)).toBe('[true,1]');
  });

  it('never evaluates what a value holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (target) => {
        const params = { target: `${target}\${{ git.sha }}$(id)` };

        expect(await evaluateText('${{ params.target }}', { ...scope, params })).toBe(params.target);
      }),
    );
  });
});
