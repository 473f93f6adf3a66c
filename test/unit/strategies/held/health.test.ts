import { describe, expect, it } from '@jest/globals';
import type { SymptomKind } from '../../../../src/kubernetes/symptom.ts';
import { healthFailure } from '../../../../src/strategies/held/health.ts';
import { failureOf } from '../../../../src/strategies/rolling/failure.ts';
import type { ObservedWorkload } from '../../../../src/strategies/strategy.ts';
import { deploymentReference } from '../blue-green/scene.ts';

function workload(kind: SymptomKind, lastedMs: number, complete = false): ObservedWorkload {
  return {
    ...{ reference: deploymentReference, complete, withoutReadinessProbe: false, paused: true },
    ...{ desired: 2, updated: 1, ready: 1, revision: 'web-b', tracks: [], stuckPods: [] },
    problems: [{ kind, message: 'it is bad', key: 'k', lastedMs }],
  };
}

describe('the health of the new pods of a release that holds its Deployment', () => {
  it('ends it at once when a container was restarted', () => {
    expect(healthFailure([workload('restarted', 0)])?.message).toBe('it is bad');
  });

  it('ends it when they are not ready again within 30 s', () => {
    expect(healthFailure([workload('unready', 29_999)])).toBeUndefined();
    expect(healthFailure([workload('unready', 30_000)])?.message).toBe('it is bad');
  });

  it('is that of pods that are being replaced, and nothing else', () => {
    expect(healthFailure([workload('restarted', 0, true)])).toBeUndefined();
    expect(healthFailure([workload('unschedulable', 1e9)])).toBeUndefined();
  });

  it('decides nothing in a rolling release', () => {
    for (const kind of ['restarted', 'unready'] as const)
      expect(failureOf([workload(kind, 1e9)], {})).toBeUndefined();
  });
});
