import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../../src/base/defined.ts';
import { blueGreen } from '../../../../src/strategies/blue-green/blue-green.ts';
import { measured } from '../samples.ts';
import { active, decideIn, held, hold, holdingOf, preview } from './scene.ts';

const passed = ['passed' as const, 'passed' as const];
const settings = { prePromotion: 'smoke', postPromotion: ['errors'] };
const before = holdingOf({ deployment: held, active: active('a'), preview: preview() });
const after = holdingOf({ deployment: held, active: active('b', { b: 2 }), preview: preview() });

function answered(seen: typeof before, step?: number) {
  const answer = { revision: 2, answer: 'promote' as const, ...defined({ step }) };
  return { ...seen, deployment: { ...held, answer } };
}

describe('analyses before the traffic moves', () => {
  it('begin when the new pods are endpoints of the preview Service', () => {
    expect(decideIn('previewing', before, { settings, analyses: measured() })).toMatchObject({
      action: { type: 'rollout', fields: { paused: true }, step: 'analysis smoke' },
      next: { phase: 'measuring' },
    });
  });

  it('are named in the step, all of them', () => {
    const two = { prePromotion: ['smoke', 'errors'] };
    expect(decideIn('previewing', before, { settings: two, analyses: measured() })).toMatchObject({
      action: { step: 'analysis smoke, errors' },
    });
  });

  it('measure the new pods against the old ones', () => {
    expect(decideIn('measuring', before, { settings, analyses: measured() })).toEqual({
      type: 'act',
      action: {
        ...{ type: 'measure', analysis: 'smoke', key: 'prePromotion: smoke', count: 1 },
        ...{ candidate: 'b', stable: 'a' },
      },
      next: { phase: 'measuring', hold },
      message: 'analysis smoke: 0 of 2 measured',
    });
    const analyses = measured({ 'prePromotion: smoke': ['passed'] });
    expect(decideIn('measuring', before, { settings, analyses, phaseMs: 9500 })).toMatchObject({
      type: 'wait',
      forMs: 500,
    });
  });

  it('let the traffic move when they have passed, or ask the person whom autoPromote names', () => {
    const analyses = measured({ 'prePromotion: smoke': passed });
    expect(decideIn('measuring', before, { settings, analyses })).toMatchObject({
      action: { type: 'selectPods', selector: { 'pod-template-hash': 'b' } },
      next: { phase: 'switched' },
    });
    const asks = { ...settings, autoPromote: false };
    expect(decideIn('measuring', before, { settings: asks, analyses })).toMatchObject({
      action: { step: 'waiting for promote or abort' },
      next: { phase: 'waiting' },
    });
  });

  it('roll back when one fails: no request has met the new pods', () => {
    const analyses = measured({ 'prePromotion: smoke': ['failed'] });
    expect(decideIn('measuring', before, { settings, analyses })).toMatchObject({
      type: 'rollBack',
      reason: expect.stringMatching(/^analysis smoke failed: it failed/) as unknown,
    });
  });

  it('ask a person when one is inconclusive, though autoPromote asks none', () => {
    const analyses = measured({ 'prePromotion: smoke': ['inconclusive'] });
    expect(decideIn('measuring', before, { settings, analyses })).toMatchObject({
      action: {
        step: expect.stringMatching(
          /^analysis smoke is inconclusive: .*; waiting for promote or abort$/,
        ) as unknown,
      },
      next: { phase: 'waiting' },
    });
    expect(decideIn('waiting', before, { settings, analyses, phaseMs: 1e9 })).toMatchObject({
      type: 'wait',
      message: expect.stringMatching(/^analysis smoke is inconclusive/) as unknown,
    });
    expect(decideIn('waiting', answered(before), { settings, analyses })).toMatchObject({
      next: { phase: 'switched' },
    });
  });

  it('end when a person promotes the release, and are none in a rollback', () => {
    expect(decideIn('measuring', answered(before), { settings, analyses: measured() })).toMatchObject({
      next: { phase: 'switched' },
    });
    expect(decideIn('measuring', answered(before, 1), { settings, analyses: measured() })).toMatchObject({
      next: { phase: 'switched' },
    });
    const release = { rollbackOf: 1 };
    const asks = { ...settings, autoPromote: false };
    expect(decideIn('previewing', before, { settings: asks, release, analyses: measured() })).toMatchObject({
      next: { phase: 'switched' },
    });
    expect(decideIn('previewing', before, { settings, release, analyses: measured() })).toMatchObject({
      next: { phase: 'switched' },
    });
  });

  it('let no traffic move to pods that are not ready any more, passed or promoted', () => {
    const unready = { ...before, preview: preview({ b: 1 }) };
    const analyses = measured({ 'prePromotion: smoke': passed });
    const wait = { type: 'wait', message: 'not all new pods are ready' };
    expect(decideIn('measuring', unready, { settings, analyses })).toMatchObject(wait);
    expect(decideIn('measuring', answered(unready), { settings, analyses: measured() })).toMatchObject(wait);
    expect(decideIn('measuring', unready, { settings, analyses: measured() })).toMatchObject({
      action: { type: 'measure' },
    });
  });

  it('fail when somebody takes the pin off meanwhile', () => {
    const unpinned = { ...before, active: active(undefined, { a: 2, b: 2 }) };
    expect(decideIn('measuring', unpinned, { settings, analyses: measured() })).toMatchObject({
      type: 'rollBack',
    });
  });
});

describe('analyses after the traffic has moved', () => {
  const decideAfter = (verdicts: Parameters<typeof measured>[0], more = {}, seen = after) =>
    decideIn('switched', seen, { settings, analyses: measured(verdicts), phaseMs: 1e6, ...more });

  it('are measured before the old pods go', () => {
    expect(decideAfter({})).toMatchObject({
      action: { type: 'measure', analysis: 'errors', key: 'postPromotion: errors' },
      next: { phase: 'switched' },
    });
    expect(decideAfter({ 'postPromotion: errors': passed })).toMatchObject({
      action: { type: 'rollout' },
      next: { phase: 'completing' },
    });
  });

  it('are none in a rollback', () => {
    expect(decideAfter({}, { release: { rollbackOf: 1 } })).toMatchObject({ next: { phase: 'completing' } });
  });

  it('do not shorten the time for which the old pods stay', () => {
    expect(decideAfter({ 'postPromotion: errors': passed }, { phaseMs: 25_000 })).toMatchObject({
      type: 'wait',
    });
  });

  it('wait until the traffic has moved', () => {
    const moving = { ...after, active: active('b', { a: 1, b: 2 }) };
    expect(decideAfter({}, { phaseMs: 0 }, moving)).toMatchObject({ type: 'wait' });
  });

  it('roll back when one fails', () => {
    expect(decideAfter({ 'postPromotion: errors': ['failed'] })).toMatchObject({ type: 'rollBack' });
  });

  it('keep both groups of pods when one is inconclusive, until a person answers in this step', () => {
    const unclear = { 'postPromotion: errors': ['inconclusive' as const] };
    const wait = {
      type: 'wait',
      message: expect.stringMatching(
        /^the new pods serve; analysis errors is inconclusive.* promote or abort$/,
      ) as unknown,
    };
    expect(decideAfter(unclear)).toMatchObject(wait);
    expect(decideAfter(unclear, {}, answered(after))).toMatchObject(wait);
    expect(decideAfter(unclear, {}, answered(after, 2))).toMatchObject({ next: { phase: 'completing' } });
    expect(blueGreen.waitingStep?.({ phase: 'switched', hold })).toBe(2);
    expect(blueGreen.waitingStep?.({ phase: 'waiting', hold })).toBeUndefined();
  });
});

it('names its analyses', () => {
  expect(blueGreen.analyses?.(settings)).toEqual([
    { name: 'smoke', path: ['prePromotion'] },
    { name: 'errors', path: ['postPromotion', 0] },
  ]);
  expect(blueGreen.analyses?.({})).toEqual([]);
});
