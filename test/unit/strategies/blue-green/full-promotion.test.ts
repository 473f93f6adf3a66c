import { describe, expect, it } from '@jest/globals';
import { measured } from '../samples.ts';
import { active, decideIn, held, holdingOf, preview } from './scene.ts';

const deployment = { ...held, answer: { revision: 2, answer: 'promoteFull' as const } };
const before = holdingOf({ deployment, active: active('a'), preview: preview() });
const settings = { prePromotion: 'smoke', postPromotion: 'errors', autoPromote: false };
const moves = { action: { type: 'selectPods' }, next: { phase: 'switched' } };

describe('a blue/green release that is promoted in full', () => {
  it('moves the traffic as soon as the new pods are endpoints, without analyses and persons', () => {
    for (const phase of ['previewing', 'measuring', 'waiting'] as const)
      expect(decideIn(phase, before, { settings, analyses: measured() })).toMatchObject(moves);
  });

  it('does not move it to pods that are not ready', () => {
    const unready = holdingOf({ deployment, active: active('a'), preview: preview({ b: 1 }) });
    expect(decideIn('previewing', unready, { settings })).toMatchObject({ type: 'wait' });
  });

  it('lets the old pods go as soon as the traffic has moved', () => {
    const after = holdingOf({ deployment, active: active('b', { b: 2 }), preview: preview() });
    expect(decideIn('switched', after, { settings, analyses: measured() })).toMatchObject({
      next: { phase: 'completing' },
    });
    const moving = holdingOf({ deployment, active: active('b', { a: 1, b: 2 }), preview: preview() });
    expect(decideIn('switched', moving, { settings, analyses: measured() })).toMatchObject({ type: 'wait' });
  });
});
