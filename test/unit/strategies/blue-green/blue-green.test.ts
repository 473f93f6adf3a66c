import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { blueGreen } from '../../../../src/strategies/blue-green/blue-green.ts';
import { promotionMs, scaleDownDelayMs } from '../../../../src/strategies/blue-green/settings.ts';
import type { BlueGreenState } from '../../../../src/strategies/blue-green/state.ts';
import { blueGreenSteps } from '../../../../src/strategies/blue-green/steps.ts';
import { decideIn, facts, hold, holdingOf } from './scene.ts';

type Phase = BlueGreenState['phase'];

describe('a blue/green release', () => {
  it('begins with a comparison', () => {
    expect(blueGreen.begin({})).toEqual({ phase: 'comparing' });
  });

  it.each<[Phase, object]>([
    ['comparing', { holding: 'compared' }],
    ['pinned', { holding: 'seen' }],
    ['starting', { workloadsOf: 2, holding: 'seen' }],
    ['previewing', { workloadsOf: 2, holding: 'seen' }],
    ['waiting', { workloadsOf: 2, holding: 'seen' }],
    ['switched', { workloadsOf: 2, holding: 'seen' }],
    ['completing', { workloadsOf: 2, holding: 'seen' }],
    ['undoing', { holding: 'seen' }],
    ['progressing', { workloadsOf: 2 }],
    ['restoring', { workloadsOf: 1 }],
  ])('watches in phase %s: %j', (phase, observes) => {
    expect(blueGreen.observes({ phase }, facts)).toEqual(observes);
  });

  it.each<[Phase, object | undefined]>([
    ['comparing', { phase: 'undoing', hold }],
    ['switched', { phase: 'undoing', hold }],
    ['undoing', undefined],
    ['progressing', { phase: 'rollingBack' }],
    ['restoring', undefined],
  ])('is rolled back from phase %s to %j', (phase, state) => {
    expect(blueGreen.rollBack({ phase, hold }, 'it crashes')).toEqual(state);
  });

  it.each<[Phase, string[]]>([
    ['pinned', []],
    ['starting', ['promoteFull', 'abort', 'pause', 'detach']],
    ['previewing', ['promoteFull', 'abort', 'pause', 'detach']],
    ['waiting', ['promote', 'promoteFull', 'abort', 'pause', 'detach']],
    ['measuring', ['promote', 'promoteFull', 'abort', 'pause', 'detach']],
    ['switched', ['promote', 'promoteFull', 'abort', 'pause']],
    ['completing', ['abort']],
    ['undoing', []],
  ])('takes in phase %s the answers %j', (phase, answers) => {
    expect(blueGreen.answers?.({ phase, hold })).toEqual(answers);
  });

  it('takes no answer while it holds nothing', () => {
    expect(blueGreen.answers?.({ phase: 'waiting' })).toEqual([]);
  });

  it('goes on without its runner only where rolling does', () => {
    expect(blueGreen.finishesAlone({ phase: 'restoring' })).toBe(true);
    expect(blueGreen.finishesAlone({ phase: 'progressing' })).toBe(false);
    expect(blueGreen.finishesAlone({ phase: 'switched', hold })).toBe(false);
  });

  it('decides as rolling does in the phases of rolling', () => {
    const holding = holdingOf({});

    expect(decideIn('selected', holding)).toMatchObject({ action: { type: 'cleanUp', revision: 2 } });
    expect(decideIn('restored', holding)).toEqual({ type: 'done', outcome: 'rolledBack' });
  });

  it('prepares the Deployment for a rolling update, which a first release is', () => {
    const spec = { template: { spec: { containers: [] } } };
    const deployment = {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec },
    } as KubernetesObject;

    expect(blueGreen.prepare([deployment], {})).toMatchObject([
      { spec: { strategy: { rollingUpdate: {} } } },
    ]);
  });
});

describe('the times of a blue/green release', () => {
  it('wait for a person as autoPromote says', () => {
    expect(promotionMs({})).toBe(0);
    expect(promotionMs({ autoPromote: true })).toBe(0);
    expect(promotionMs({ autoPromote: false })).toBe(Infinity);
    expect(promotionMs({ autoPromote: { after: '2m' } })).toBe(120_000);
  });

  it('count together, but for a wait that a person ends', () => {
    expect(blueGreen.pausesMs?.({})).toBe(30_000);
    expect(blueGreen.pausesMs?.({ autoPromote: false, scaleDownDelay: '5s' })).toBe(5000);
    expect(blueGreen.pausesMs?.({ autoPromote: { after: '2m' }, scaleDownDelay: '5s' })).toBe(125_000);
  });

  it('keep the old pods as scaleDownDelay says', () => {
    expect(scaleDownDelayMs({})).toBe(30_000);
    expect(scaleDownDelayMs({ scaleDownDelay: '5s' })).toBe(5000);
  });
});

describe('what a blue/green release is going to do', () => {
  it('is to apply the objects when it is the first one', () => {
    expect(blueGreenSteps({ rollback: 'auto' })).toEqual([
      expect.stringMatching(/^apply the objects .* this is the first release/),
      expect.stringMatching(/^watch the pods .* on failure stop$/),
    ]);
  });

  it.each([
    ['auto', /^on failure move the traffic back, .* apply revision 4$/],
    ['never', /^on failure stop and leave everything as it is \(rollback: never\)$/],
  ] as const)('says what "rollback: %s" means for a failure', (rollback, failure) => {
    const steps = blueGreenSteps({ stable: 4, rollback });

    expect(steps).toHaveLength(9);
    expect(steps.every((step) => step.length > 0)).toBe(true);
    expect(steps[7]).toMatch(failure);
  });

  it('names the analyses before and after the traffic moves', () => {
    const steps = blueGreenSteps(
      { stable: 4, rollback: 'auto' },
      { prePromotion: ['smoke', 'errors'], postPromotion: 'latency' },
    );
    const moves = steps.indexOf('move the traffic in one write of the active Service');
    expect(steps.indexOf('analysis smoke, errors must pass')).toBe(moves - 2);
    expect(steps.indexOf('analysis latency must pass')).toBe(moves + 1);
  });
});
