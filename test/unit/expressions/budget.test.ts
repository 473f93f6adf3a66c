import { describe, expect, it } from '@jest/globals';
import { ExpressionLimitError } from '../../../src/expressions/budget.ts';
import { evaluateExpression, evaluateText } from '../../../src/expressions/evaluate.ts';
import type { ExpressionScope } from '../../../src/expressions/scope.ts';

function scopeOf(more: Partial<ExpressionScope> = {}): ExpressionScope {
  return { params: { letters: `${'a'.repeat(60)}!` }, trigger: {}, ...more };
}

const hundred = `[${Array.from({ length: 100 }, (_, index) => String(index)).join(',')}]`;

/** Macros inside each other, each over the same hundred. */
function nested(macro: string, depth: number): string {
  const names = Array.from({ length: depth }, (_, index) => `x${String(index)}`);
  return names.reduceRight((body, name) => `l.${macro}(${name}, ${body})`, 'true');
}

/** Names bound inside each other, each made of the one before. */
function bound(first: string, step: (name: string) => string, depth: number): string {
  let body = `x${String(depth)}`;
  for (let at = depth; at > 0; at--)
    body = `cel.bind(x${String(at)}, ${step(`x${String(at - 1)}`)}, ${body})`;
  return `cel.bind(x0, ${first}, ${body})`;
}

const tooManySteps = /^the expression .* takes more than 100,000 steps$/s;
const tooLarge = /^the expression .* makes a value of more than 1,000,000 characters and elements$/s;

describe('the budget of an expression', () => {
  it.each([
    ['macros in macros', `cel.bind(l, ${hundred}, ${nested('all', 4)})`, tooManySteps],
    [
      'a list that is mapped to lists',
      `cel.bind(l, ${hundred}, l.map(a, l.map(b, l.map(c, c))))`,
      tooManySteps,
    ],
    ['a string that doubles', bound('"0123456789"', (name) => `${name} + ${name}`, 18), tooLarge],
    ['a list that doubles', bound('[1, 2, 3]', (name) => `${name} + ${name}`, 18), tooManySteps],
    ['a list of the same list', bound(hundred, (name) => `[${Array(20).fill(name).join(',')}]`, 5), tooLarge],
    [
      'a list joined by a long separator',
      `cel.bind(s, ${bound('"0123456789"', (name) => `${name} + ${name}`, 12)}, s.split("").join(s).size())`,
      tooLarge,
    ],
    [
      'comparisons of long texts',
      `cel.bind(s, ${bound('"0123456789"', (name) => `${name} + ${name}`, 15)}, cel.bind(l, ${hundred}, l.all(a, l.all(b, s + "a" != s + "b"))))`,
      tooManySteps,
    ],
    [
      'patterns over long texts',
      `cel.bind(s, ${bound('"ab"', (name) => `${name} + ${name}`, 16)}, cel.bind(l, ${hundred}, l.all(a, !s.matches("[ab]*a[ab]{200}c"))))`,
      tooManySteps,
    ],
    [
      'a pattern a step',
      `cel.bind(l, ${hundred}, l.all(a, l.all(b, !"x".matches("(?i)\\\\p{L}\\\\p{L}\\\\p{L}\\\\p{L}z" + string(a) + "y" + string(b)))))`,
      tooManySteps,
    ],
  ])('ends %s', async (_what, source, message) => {
    const started = performance.now();

    await expect(evaluateExpression(source, scopeOf())).rejects.toThrow(message);

    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('is told by an error of its own, though the expression drops errors', async () => {
    const source = `cel.bind(l, ${hundred}, ${nested('all', 4)} || true)`;

    await expect(evaluateExpression(source, scopeOf())).rejects.toThrow(ExpressionLimitError);
  });

  it('is shared by the expressions of a scope', async () => {
    const source = `cel.bind(l, ${hundred}, ${nested('all', 2)})`;
    const scope = scopeOf();

    await expect(evaluateText(`\${{ ${source} }}`.repeat(40), scope)).rejects.toThrow(
      /^the expression .* and the others of its stage take more than 300,000 steps together$/s,
    );
    await expect(evaluateText(`\${{ ${source} }}`.repeat(4), scopeOf())).resolves.toBe('true'.repeat(4));
  });

  it('counts what expressions give, so that a string made of many has an end', async () => {
    const stages = { build: { outcome: 'succeeded', outputs: { text: 'x'.repeat(100_000) } } };

    await expect(
      evaluateText('${{ stages.build.outputs.text }}'.repeat(400), scopeOf({ stages })),
    ).rejects.toThrow(ExpressionLimitError);
  });

  it('goes on counting after a wait for files', async () => {
    const hashFiles = () => Promise.resolve('0123456789');
    const source = bound('hashFiles("a")', (name) => `${name} + ${name}`, 18);

    await expect(evaluateExpression(source, scopeOf({ hashFiles }))).rejects.toThrow(tooLarge);
  });

  it('leaves room for what pipelines do', async () => {
    const outputs = { files: 'x'.repeat(100_000), list: Array(2000).fill('service-a').join(',') };
    const stages = { build: { outcome: 'succeeded', outputs } };
    const scope = scopeOf({ stages });

    expect(
      await evaluateExpression(
        'stages.build.outputs.list.split(",").filter(s, s.startsWith("service")).size()',
        scope,
      ),
    ).toBe(2000);
    expect(await evaluateText('${{ stages.build.outputs.files }}', scope)).toBe(outputs.files);
    expect(await evaluateExpression('stages.build.outputs.files.matches("^x+$")', scope)).toBe(true);
  });
});

describe('matches in an expression', () => {
  it.each([
    ['"release/1.2".matches("^release/[0-9.]+$")', true],
    ['params.letters.matches("(a+)+$")', false],
    ['"ab".matches(params.letters)', false],
    ['["a", "b"].all(x, x.matches("[ab]"))', true],
    ['[hashFiles("a"), "b"].exists(x, x.matches("hash"))', true],
  ])('%s gives %s', async (source, expected) => {
    const hashFiles = () => Promise.resolve('a hash');

    expect(await evaluateExpression(source, scopeOf({ hashFiles }))).toBe(expected);
  });

  it.each([
    [
      '"a".matches("(?=a)")',
      'the expression "a".matches("(?=a)") failed: a pattern cannot have a look-ahead (?=…)',
    ],
    ['params.letters.matches(trigger.ref + "(")', 'failed: not a regular expression: missing closing ): ('],
    ['params.letters.matches(1)', "failed: found no matching overload for 'string.matches(int)'"],
    ['[1].join(1)', 'failed: found no matching overload'],
  ])('%s fails: %s', async (source, message) => {
    await expect(evaluateExpression(source, scopeOf())).rejects.toThrow(message);
  });
});

describe('an expression that the library does not end by itself', () => {
  it('cannot give duration a text whose time grows with its cube', async () => {
    const source = `duration("${'1'.repeat(20_000)}")`;

    await expect(evaluateExpression(source, scopeOf())).rejects.toThrow(
      'duration() takes at most 100 characters',
    );
  });

  it.each([
    ['["a", "b"].join("-")', 'a-b'],
    ['["a", "b"].join()', 'ab'],
    ['[["a", "b"].join("-"), "c"].join("+")', 'a-b+c'],
    ['duration("1h")', 3_600_000],
    ['["1s", "2s"].map(x, duration(x) > duration("1s"))', [false, true]],
  ])('%s gives %j still', async (source, expected) => {
    expect(await evaluateExpression(source, scopeOf())).toEqual(expected);
  });

  it('is the fault of the file when what it reads is no JSON', async () => {
    await expect(evaluateExpression('bytes("{").json()', scopeOf())).rejects.toThrow(
      /^the expression .* failed: /,
    );
  });

  it('makes nothing that is nested too deeply', async () => {
    const stages = { a: { outcome: '', outputs: { json: `${'['.repeat(50_000)}${']'.repeat(50_000)}` } } };

    await expect(
      evaluateExpression('bytes("{\\"a\\":" + stages.a.outputs.json + "}").json()', scopeOf({ stages })),
    ).rejects.toThrow(ExpressionLimitError);
  });
});
