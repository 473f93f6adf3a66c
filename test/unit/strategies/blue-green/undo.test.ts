import { describe, expect, it } from '@jest/globals';
import {
  active,
  completing,
  decideIn,
  held,
  hold,
  holdingOf,
  mark,
  newPods,
  oldPods,
  own,
  serviceReference,
  untouched,
} from './scene.ts';

const back = (...[holding, change]: [Parameters<typeof decideIn>[1], Parameters<typeof decideIn>[2]?]) =>
  decideIn('undoing', holding, change);
const going = { ...held, fields: completing };

describe('the way back of a blue/green release', () => {
  it('moves the traffic to the old pods, with the Service as the stable revision has it', () => {
    expect(back(holdingOf({ deployment: held, active: active('b') }))).toEqual({
      type: 'act',
      action: {
        type: 'selectPods',
        service: serviceReference,
        resourceVersion: '8',
        selector: { app: 'web', 'pod-template-hash': 'a' },
        revision: 1,
      },
      next: { phase: 'undoing', hold },
      message: 'moving the traffic of web back to the old pods',
    });
  });

  it('gives the Service the selector that it had before', () => {
    const state = { hold: { ...hold, selector: { app: 'old' } } };

    expect(back(holdingOf({ deployment: held, active: active('b') }), { state })).toMatchObject({
      action: { selector: { app: 'old', 'pod-template-hash': 'a' } },
    });
  });

  it('waits ten seconds for old pods that are not ready, then leaves the traffic where it is', () => {
    const fewer = { ...held, sets: [{ ...oldPods, ready: 1 }, newPods] };
    const none = { ...held, sets: [newPods] };
    const seen = (deployment: typeof held) => holdingOf({ deployment, active: active('b') });

    expect(back(seen(fewer), { phaseMs: 9999 })).toEqual({
      type: 'wait',
      forMs: 250,
      message: '1 of 2 old pods are ready',
    });
    expect(back(seen(none))).toMatchObject({ type: 'wait', message: '0 of 2 old pods are ready' });
    expect(back(seen(fewer), { phaseMs: 10_000, release: { reason: 'it crashes' } })).toEqual({
      type: 'halt',
      reason:
        'it crashes; the traffic has moved to the new pods and stays there, as only 1 of 2 old pods are ready',
    });
    expect(back(seen(fewer), { phaseMs: 10_000 })).toMatchObject({
      reason: expect.stringMatching(/^the release failed; the traffic/),
    });
  });

  it('lets old and new pods serve when the old ones are on their way out already', () => {
    expect(back(holdingOf({ deployment: going, active: active('b') }))).toEqual({
      type: 'act',
      action: {
        type: 'selectPods',
        service: serviceReference,
        resourceVersion: '8',
        selector: { app: 'web' },
      },
      next: { phase: 'undoing', hold },
      message: 'web selects old and new pods',
    });
  });

  it('waits until the traffic has moved before the new pods go', () => {
    const holding = holdingOf({ deployment: held, active: active('a', { a: 2, b: 1 }) });

    expect(back(holding)).toEqual({
      type: 'wait',
      forMs: 250,
      message: 'the traffic of web is moving back',
    });
  });

  it('completes the rollout with the old pods', () => {
    expect(back(holdingOf({ deployment: held, active: active('a') }))).toMatchObject({
      action: { type: 'rollout', fields: completing, before: own, replicaSet: 'web-a', step: 'completing' },
      next: { phase: 'undoing', hold },
    });
  });

  it('completes it also where somebody has taken the mark off, or the template has no ReplicaSet', () => {
    const { mark: _mark, ...unmarked } = held;
    const { live: _live, ...without } = unmarked;
    const rollout = { action: { type: 'rollout', replicaSet: 'web-a' } };

    for (const deployment of [unmarked, without, { ...without, mark }])
      expect(back(holdingOf({ deployment, active: active('a') }))).toMatchObject(rollout);
  });

  it('takes the pin off where no pods are known', () => {
    const { live: _, ...without } = { ...held, sets: [] };

    expect(back(holdingOf({ deployment: without, active: active('a') }))).toMatchObject({
      message: 'unpinning web',
    });
  });

  it('goes on without a Service or a pin', () => {
    const rollout = { action: { type: 'rollout', replicaSet: 'web-a' } };

    expect(back(holdingOf({ deployment: held }))).toMatchObject(rollout);
    expect(back(holdingOf({ deployment: held, active: active(undefined, { a: 2 }) }))).toMatchObject(rollout);
  });

  it('takes the pin off a Service whose Deployment is gone, then applies the stable revision', () => {
    expect(back(holdingOf({ active: active('a') }))).toMatchObject({
      action: { type: 'selectPods', selector: { app: 'web' } },
      message: 'unpinning web',
    });
    expect(back(holdingOf({}))).toMatchObject({
      action: { type: 'apply', revision: 1 },
      next: { phase: 'restoring' },
      message: 'rolling back to revision 1',
    });
  });

  it('applies the stable revision when nothing of the release is left', () => {
    const deployment = { ...untouched };

    expect(back(holdingOf({ deployment, active: active() }))).toMatchObject({
      action: { type: 'apply', revision: 1 },
      next: { phase: 'restoring' },
    });
  });

  it('fails when it takes longer than a phase may', () => {
    const holding = holdingOf({ deployment: going, active: active(undefined, { a: 2 }) });
    const toOld = { ...going, live: oldPods };
    const waiting = holdingOf({ deployment: toOld, active: active(undefined, { a: 2 }) });
    const message = 'web-a has 2 ready pods, web-b still has 2';

    expect(back(waiting, { phaseMs: 59_999 })).toEqual({ type: 'wait', forMs: 300, message });
    expect(back(waiting, { phaseMs: 60_000 })).toEqual({
      type: 'halt',
      reason: `the release failed; rolling back: ${message}: not done within 60 s`,
    });
    expect(back(waiting, { phaseMs: 60_000, release: { reason: 'it crashes' } })).toMatchObject({
      reason: expect.stringMatching(/^it crashes; rolling back/),
    });
    expect(back(holding, { phaseMs: 60_000 }).type).toBe('act');
  });
});

describe('the way back of a release that holds nothing itself', () => {
  const without = { state: {} };

  it('completes what an earlier one holds, with the pods that serve', () => {
    const pinned = holdingOf({ deployment: held, active: active('a') });
    const unpinned = holdingOf({ deployment: held, active: active(undefined, { b: 2 }) });
    const fields = { ...completing };

    expect(back(pinned, without)).toMatchObject({
      action: { type: 'rollout', fields, before: mark.before, replicaSet: 'web-a' },
      next: { phase: 'undoing' },
    });
    expect(back(unpinned, without)).toMatchObject({ action: { type: 'rollout', replicaSet: 'web-b' } });
  });

  it('applies the stable revision where no release holds the Deployment, or it is gone', () => {
    const applied = { action: { type: 'apply', revision: 1 } };

    expect(back(holdingOf({ deployment: untouched, active: active() }), without)).toMatchObject(applied);
    const { live: _, ...unknown } = untouched;
    expect(back(holdingOf({ deployment: unknown, active: active() }), without)).toMatchObject(applied);
    expect(back(holdingOf({}), without)).toMatchObject(applied);
  });
});
