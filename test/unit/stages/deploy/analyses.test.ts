import { describe, expect, it } from '@jest/globals';
import { evaluateStageInput } from '../../../../src/plan/stage-input.ts';
import { formatDiagnostic } from '../../../../src/spec/diagnostic.ts';
import { parsePipeline } from '../../../../src/spec/parse-pipeline.ts';
import { stageDefinitions } from '../../../../src/app/stage-definitions.ts';
import { deployDefinition } from '../../../../src/stages/deploy/definition.ts';

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

  it('cannot have both in one expression: they are known at two times', () => {
    expect(errorsOf(fileOf('x{h="${{ candidate.hash + string(params.limit) }}"}'))).toEqual([
      expect.stringContaining('"candidate" and "params" cannot stand in one expression') as unknown,
    ]);
  });
});

describe('an analysis that a strategy names', () => {
  it('must be there', () => {
    const canary = 'canary: {steps: [{replicas: 1}, {analysis: [erors]}]}';
    expect(errorsOf(fileOf('x', canary))).toEqual([
      expect.stringMatching(
        /^app\.yaml:9:\d+: .*there is no analysis "erors" in deploy.analyses \(did you mean "errors"\?/,
      ) as unknown,
    ]);
    const blueGreen = 'blueGreen: {prePromotion: errors, postPromotion: late}';
    expect(errorsOf(fileOf('x', blueGreen))).toEqual([
      expect.stringContaining('there is no analysis "late"') as unknown,
    ]);
  });

  it('is named outside of the query alone', () => {
    expect(errorsOf(fileOf('x').replace('k8s/', '"k8s/${{ candidate.hash }}"'))).toEqual([
      expect.stringContaining('"candidate" is not available here') as unknown,
    ]);
  });
});
