import { describe, expect, it } from '@jest/globals';
import { stageDefinitions } from '../../../../src/app/stage-definitions.ts';
import { unusedAnalyses } from '../../../../src/app/unused-analyses.ts';
import { formatDiagnostic } from '../../../../src/spec/diagnostic.ts';
import { parsePipeline } from '../../../../src/spec/parse-pipeline.ts';

function warningsOf(strategy: string): string[] {
  const text = `apiVersion: slipway.dev/v1
kind: Pipeline
name: web
stages:
  - name: deploy
    deploy:
      manifests: k8s/
      strategy: {${strategy}}
      analyses:
        smoke: {http: {url: "http://web.shop/"}}
        errors: {http: {url: "http://web.shop/errors"}}
`;
  const parsed = parsePipeline({ file: 'app.yaml', text, definitions: stageDefinitions });
  if (!parsed.ok) throw new Error(parsed.diagnostics.map(formatDiagnostic).join('\n'));
  return unusedAnalyses(parsed).map(formatDiagnostic);
}

describe('an analysis that no step names', () => {
  it('is a warning at its name', () => {
    expect(warningsOf('canary: {steps: [{replicas: 1}, {analysis: smoke}]}')).toEqual([
      'app.yaml:11:9: warning: the analysis errors is never taken: nothing of the strategy canary names it',
    ]);
  });

  it('is one of a strategy that takes none, too', () => {
    expect(warningsOf('rolling: {}')).toHaveLength(2);
  });

  it('is none where all are named, in whichever field', () => {
    expect(warningsOf('canary: {steps: [{replicas: 1}, {analysis: [smoke, errors]}]}')).toEqual([]);
    expect(warningsOf('blueGreen: {prePromotion: smoke, postPromotion: errors}')).toEqual([]);
  });
});
