import { describe, expect, it } from '@jest/globals';
import { evaluateStageInput } from '../../../../src/plan/stage-input.ts';
import { formatDiagnostic } from '../../../../src/spec/diagnostic.ts';
import { parsePipeline } from '../../../../src/spec/parse-pipeline.ts';
import { stageDefinitions } from '../../../../src/app/stage-definitions.ts';
import { measurementOf } from '../../../../src/analysis/request.ts';
import type { AnalysisSettings } from '../../../../src/analysis/settings.ts';
import { deployDefinition } from '../../../../src/stages/deploy/definition.ts';
import { deploySettings } from '../../../../src/stages/deploy/settings.ts';

const scope = { params: { limit: 1 }, trigger: {}, git: { sha: 'c0ffee' } };

function fileOf(query: string, strategy = 'canary: {steps: [{replicas: 1}, {analysis: errors}]}'): string {
  return `apiVersion: slipway.dev/v1
kind: Pipeline
name: web
parameters: {limit: {type: number, default: 1}}
stages:
  - name: deploy
    deploy:
      manifests: k8s/
      strategy: {${strategy}}
      analyses:
        errors:
          prometheus: {address: "http://prometheus:9090", query: '${query}'}
          success: result[0] < 1
`;
}

function errorsOf(text: string): string[] {
  const parsed = parsePipeline({ file: 'app.yaml', text, definitions: stageDefinitions });
  return parsed.ok ? [] : parsed.diagnostics.map(formatDiagnostic);
}

describe('the query of an analysis', () => {
  it('gets what the run knows before the release, and keeps the hashes of both tracks for it', async () => {
    const prometheus = {
      address: 'http://prometheus:9090',
      query:
        'x{pod=~"web-${{ candidate.hash }}-.*",sha="${{ git.sha }}"} > ${{ params.limit }} # ${{stable.hash}}',
    };
    const analyses = { errors: { prometheus, success: 'result[0] < ${{ params.limit }}' } };

    const input = await evaluateStageInput(
      deployDefinition,
      { deploy: { manifests: 'k8s', analyses } },
      scope,
    );

    expect(input).toMatchObject({
      deploy: {
        analyses: {
          errors: {
            prometheus: {
              query: 'x{pod=~"web-${{ candidate.hash }}-.*",sha="c0ffee"} > 1 # ${{ stable.hash }}',
            },
            success: 'result[0] < 1',
          },
        },
      },
    });
  });

  it('may name both tracks, and nothing else of the kind', () => {
    expect(errorsOf(fileOf('x{h="${{ candidate.hash }}"} / ${{ stable.hash }}'))).toEqual([]);
    expect(errorsOf(fileOf('x{h="${{ canddate.hash }}"}'))).toEqual([
      expect.stringMatching(
        /unknown name in an expression: "canddate" \(did you mean "candidate"\?/,
      ) as unknown,
    ]);
    expect(errorsOf(fileOf('x{h="${{ result }}"}'))).toEqual([
      expect.stringContaining('"result" is not available here') as unknown,
    ]);
  });

  it('takes what looks like an expression in a value as text', async () => {
    const prometheus = {
      address: 'http://prometheus:9090',
      query: 'x{b="${{ trigger.branch }}$${{ trigger.ref }}{{ stable.hash }}",h="${{ candidate.hash }}"}',
    };
    const trigger = { branch: '${{ candidate.hash }}', ref: '${{ "' };
    const analyses = { errors: { prometheus, success: 'true' } };

    const input = await evaluateStageInput(
      deployDefinition,
      { deploy: { manifests: 'k8s', analyses } },
      { params: {}, trigger },
    );

    const { deploy } = input as { deploy: { analyses: { errors: AnalysisSettings } } };
    const release = { candidate: 'new', stable: 'old', namespace: 'shop' };
    expect(measurementOf(deploy.analyses.errors, release)).toMatchObject({
      query: 'x{b="${{ candidate.hash }}$${{ "{{ stable.hash }}",h="new"}',
    });
  });

  it('has only the hash of a track', () => {
    expect(errorsOf(fileOf('x{h="${{ candidate }}"}'))).toEqual([
      expect.stringContaining('"candidate" has a "hash" alone: candidate.hash') as unknown,
    ]);
    expect(errorsOf(fileOf('x{h="${{ stable.name }}"}'))).toEqual([
      expect.stringContaining('"stable" has a "hash" alone: stable.hash') as unknown,
    ]);
    expect(errorsOf(fileOf('x{h="${{ stable["hash"] }}"}'))).toEqual([]);
  });

  it('cannot have both in one expression: they are known at two times', () => {
    expect(errorsOf(fileOf('x{h="${{ candidate.hash + string(params.limit) }}"}'))).toEqual([
      expect.stringContaining('"candidate" and "params" cannot stand in one expression') as unknown,
    ]);
  });
});

it('are bounded together: each revision keeps them in the cluster', () => {
  const analysis = { http: { url: 'http://web/' } };
  const problems = (analyses: object) => {
    const parsed = deploySettings.safeParse({ manifests: 'k8s', analyses });
    return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
  };
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${String(index)}`, analysis]));
  expect(problems(many(20))).toEqual([]);
  expect(problems(many(21))).toEqual(['must be 20 at most']);
  const body = 'x'.repeat(32 * 1024);
  expect(problems({ a: { http: { ...analysis.http, body } } })).toEqual(['must be 32 KiB together at most']);
});

describe('an analysis that a strategy names', () => {
  it('must be there: each that is not is told with its place', () => {
    const canary = 'canary: {steps: [{replicas: 1}, {analysis: [errors, erors]}, {analysis: other}]}';
    expect(errorsOf(fileOf('x', canary))).toEqual([
      'app.yaml:9:70: "erors": no analysis of deploy.analyses has this name (did you mean "errors"? allowed: errors)',
      'app.yaml:9:90: "other": no analysis of deploy.analyses has this name (allowed: errors)',
    ]);
    const blueGreen = 'blueGreen: {prePromotion: errors, postPromotion: late}';
    expect(errorsOf(fileOf('x', blueGreen))).toEqual([
      expect.stringMatching(/^app\.yaml:9:67: "late": no analysis/) as unknown,
    ]);
  });

  it('is named outside of the query alone', () => {
    expect(errorsOf(fileOf('x').replace('k8s/', '"k8s/${{ candidate.hash }}"'))).toEqual([
      expect.stringContaining('"candidate" is not available here') as unknown,
    ]);
  });
});

describe('a condition of an analysis', () => {
  const withCondition = (condition: string) => fileOf('x').replace('result[0] < 1', condition);
  const http = (condition: string) =>
    withCondition(condition).replace(/prometheus: .*/, 'http: {url: "http://web.shop/"}');

  it.each([
    'result[0] < 1',
    'result[0] - result[9] < 0.1',
    'result.all(x, x < 1)',
    'size(result) == 1',
    "'result[0] < ${{ params.limit }}'",
  ])('may read the values of a query: %s', (condition) => {
    expect(errorsOf(withCondition(condition))).toEqual([]);
  });

  it.each(['result.successRate >= 1', 'result.failed < 2 && result.p95 < 500', 'result.requests == 10'])(
    'may read what requests came to: %s',
    (condition) => {
      expect(errorsOf(http(condition))).toEqual([]);
    },
  );

  it('is told with its place where no result can satisfy it', () => {
    expect(errorsOf(withCondition('result < 1'))).toEqual([
      expect.stringMatching(/^app\.yaml:13:20: .*result is the list of the values: result\[0\]/) as unknown,
    ]);
    expect(errorsOf(http('result.succesRate > 0.9'))).toEqual([
      expect.stringMatching(
        /^app\.yaml:13:20: .*No such key: succesRate \(result has requests, failed, successRate, p50, p95, p99\)$/,
      ) as unknown,
    ]);
    expect(errorsOf(http('result.successRate'))).toEqual([
      expect.stringContaining('not true or false') as unknown,
    ]);
  });
});

describe('a step of a canary', () => {
  const errorsOfStep = (step: string) =>
    errorsOf(fileOf('x', `canary: {steps: [{replicas: 1}, ${step}, {analysis: errors}]}`));

  it('tells what Argo Rollouts calls otherwise with the names it has here', () => {
    expect(errorsOfStep('{setWeight: 25}')).toEqual([
      'app.yaml:9:51: unknown key "setWeight" (did you mean "weight"? allowed: weight, replicas, pause, analysis)',
    ]);
    expect(errorsOfStep('{pause: {duration: 10s}}')).toEqual([
      'app.yaml:9:58: expected a string or true, found an object',
    ]);
    expect(errorsOfStep('{pause: 10}')).toEqual(['app.yaml:9:58: expected a string or true, found 10']);
  });

  it('does one thing', () => {
    expect(errorsOfStep('{weight: 50, pause: 10s}')).toEqual([
      'app.yaml:9:50: has weight and pause: one of them at a time',
    ]);
  });
});
