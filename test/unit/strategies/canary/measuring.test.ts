import { describe, expect, it } from '@jest/globals';
import type { CanarySettings } from '../../../../src/strategies/canary/settings.ts';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import { measured } from '../samples.ts';
import { at, decide, resting } from './scene.ts';

const settings: CanarySettings = {
  steps: [{ weight: 25 }, { analysis: ['smoke', 'errors'] }, { weight: 50 }],
};
const measuring = { state: at('measuring', 1), deployment: resting, settings };
const share = 'new: 1 of 4 pods (25 %)';
const promoted = { ...resting, answer: { revision: 2, answer: 'promote' as const, step: 2 } };

describe('a step of a canary release that is an analysis', () => {
  it('begins with the Deployment at rest', () => {
    const decision = decide({ ...measuring, state: at('stepping', 1), analyses: measured() });
    expect(decision).toMatchObject({
      action: { type: 'rollout', fields: { paused: true }, step: `${share}; analysis smoke, errors` },
      next: { phase: 'measuring', step: 1 },
    });
  });

  it('measures one analysis after the other, with the hashes of both tracks', () => {
    expect(decide({ ...measuring, analyses: measured() })).toEqual({
      type: 'act',
      action: {
        ...{ type: 'measure', analysis: 'smoke', key: 'step 2: smoke', count: 1 },
        ...{ candidate: 'b', stable: 'a' },
      },
      next: at('measuring', 1),
      message: 'new: 1 of 4 pods (25 %); analysis smoke: 0 of 2, errors: 0 of 2 measured',
    });
    expect(decide({ ...measuring, analyses: measured({ 'step 2: smoke': ['passed'] }) })).toMatchObject({
      action: { analysis: 'errors', count: 1 },
    });
  });

  it('does not count what another step has measured', () => {
    const analyses = measured({ 'step 1: smoke': ['failed'], smoke: ['failed'] });
    expect(decide({ ...measuring, analyses })).toMatchObject({ action: { analysis: 'smoke', count: 1 } });
  });

  it('waits for the next measurement, and looks at its pods meanwhile', () => {
    const analyses = measured({ 'step 2: smoke': ['passed'], 'step 2: errors': ['passed'] });
    expect(decide({ ...measuring, analyses, phaseMs: 9500 })).toEqual({
      type: 'wait',
      forMs: 500,
      message: `${share}; analysis smoke: 1 of 2, errors: 1 of 2 measured`,
    });
    expect(decide({ ...measuring, analyses, phaseMs: 1000 })).toMatchObject({ forMs: 2000 });
  });

  it('waits for the one that is due first', () => {
    const { settings: both, samples } = measured({
      'step 2: smoke': ['passed'],
      'step 2: errors': ['passed'],
    })!;
    const often = { ...both, errors: { ...both['errors'], interval: '1s' } };
    expect(decide({ ...measuring, analyses: { settings: often, samples } })).toMatchObject({ forMs: 1000 });
    const seldom = { ...often, smoke: { ...both['smoke'], interval: '500ms' } };
    expect(decide({ ...measuring, analyses: { settings: seldom, samples } })).toMatchObject({ forMs: 500 });
  });

  it('goes on when all analyses have passed', () => {
    const passed = ['passed', 'passed'] as const;
    const analyses = measured({ 'step 2: smoke': [...passed], 'step 2: errors': [...passed] });
    expect(decide({ ...measuring, analyses, phaseMs: 1e6 })).toMatchObject({
      action: { type: 'rollout', fields: { paused: true } },
      next: { phase: 'stepping', step: 2 },
    });
  });

  it('rolls back when one fails, and says what was measured', () => {
    const analyses = measured({ 'step 2: smoke': ['inconclusive'], 'step 2: errors': ['failed'] });
    const reason = 'analysis errors failed: it failed (wanted true; 1 of 1 measurements failed)';
    expect(decide({ ...measuring, analyses })).toEqual({ type: 'rollBack', reason });
    expect(decide({ ...measuring, analyses, release: { rollback: 'never' } })).toEqual({
      type: 'halt',
      reason: `${reason} (rollback: never)`,
    });
  });

  it('asks a person when one is inconclusive, without an end', () => {
    const analyses = measured({ 'step 2: errors': ['inconclusive'] });
    const why =
      'analysis errors is inconclusive: it inconclusive (wanted true); waiting for promote or abort';
    expect(decide({ ...measuring, analyses })).toMatchObject({
      action: { type: 'rollout', fields: { paused: true }, step: `${share}; ${why}` },
      next: { phase: 'waiting', step: 1 },
    });
    expect(decide({ ...measuring, state: at('waiting', 1), analyses, phaseMs: 1e9 })).toEqual({
      type: 'wait',
      forMs: 2000,
      message: `${share}; ${why}`,
    });
  });

  it('goes on when a person promotes it, measured or not', () => {
    for (const phase of ['measuring', 'waiting'] as const)
      expect(
        decide({ ...measuring, state: at(phase, 1), deployment: promoted, analyses: measured() }),
      ).toMatchObject({ next: { phase: 'stepping', step: 2 } });
    expect(canary.answers?.(at('measuring', 1))).toEqual([
      'promote',
      'promoteFull',
      'abort',
      'pause',
      'detach',
    ]);
    expect(canary.waitingStep?.(at('measuring', 1))).toBe(2);
  });

  it('measures nothing in a rollback, which a person has decided', () => {
    for (const phase of ['measuring', 'waiting'] as const)
      expect(
        decide({ ...measuring, state: at(phase, 1), release: { rollbackOf: 1 }, analyses: measured() }),
      ).toMatchObject({ next: { phase: 'stepping', step: 2 } });
  });

  it('asks a person where the release does not know the analysis', () => {
    expect(decide({ ...measuring })).toMatchObject({
      action: { step: `${share}; there is no analysis smoke; waiting for promote or abort` },
      next: { phase: 'waiting' },
    });
  });

  it('waits while the controller has not seen a scaling, however long a phase may take', () => {
    const scaled = { ...resting, isObserved: false };
    expect(decide({ ...measuring, deployment: scaled, phaseMs: 1e9 })).toMatchObject({ type: 'wait' });
  });

  it('is halted when somebody resumes the Deployment', () => {
    const resumed = { ...resting, fields: { ...resting.fields, paused: false } };
    expect(decide({ ...measuring, deployment: resumed, analyses: measured() })).toMatchObject({
      type: 'rollBack',
      reason: 'somebody resumed Deployment web during the release',
    });
  });
});

it('names the analyses of its steps', () => {
  expect(canary.analyses?.(settings)).toEqual([
    { name: 'smoke', path: ['steps', 1, 'analysis', 0] },
    { name: 'errors', path: ['steps', 1, 'analysis', 1] },
  ]);
  expect(canary.analyses?.({})).toEqual([]);
});

it('cannot begin with an analysis: there is nothing to measure yet', () => {
  expect(canary.settings.safeParse({ steps: [{ analysis: 'smoke' }, { weight: 25 }] }).success).toBe(false);
  expect(canary.settings.safeParse(settings).success).toBe(true);
});
