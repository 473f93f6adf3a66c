import { describe, expect, it } from '@jest/globals';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import { at, before, decide, old, resting, restingWith, written } from './scene.ts';

const undoing = at('undoing');

describe('the way back of a canary release by a router', () => {
  it('sends all traffic to the old pods, when they can carry it', () => {
    expect(written(decide({ state: undoing }))).toEqual({ route: 'own', phase: 'unrouted' });
    expect(written(decide({ state: undoing, router: { share: 'mixed' } }))).toEqual({
      route: 'own',
      phase: 'unrouted',
    });
    expect(decide({ state: undoing })).toMatchObject({ message: 'HTTPRoute web sends all traffic to web' });
  });

  it('takes the new pods away when the route has been without them for a while', () => {
    const state = at('unrouted');
    const own = { share: 'absent' as const };
    expect(decide({ state, router: { ...own, isInForce: false }, phaseMs: 5000 })).toMatchObject({
      type: 'wait',
      message: 'HTTPRoute web is not in force yet',
    });
    expect(decide({ state, router: own, phaseMs: 500 })).toEqual({
      ...{ type: 'wait', forMs: 1500, message: 'HTTPRoute web sends nothing to the new pods' },
    });
    expect(written(decide({ state, router: own, phaseMs: 2000 }))).toMatchObject({
      rollout: { paused: false, maxSurge: '100%' },
      replicaSet: 'web-a',
    });
  });

  it('takes them away at once where they never had traffic', () => {
    expect(written(decide({ state: undoing, router: { share: 'absent' } }))).toMatchObject({
      replicaSet: 'web-a',
    });
    expect(written(decide({ state: undoing, router: 'none' }))).toMatchObject({ replicaSet: 'web-a' });
  });

  it('sends the old pods no more than they can carry: others of them come first', () => {
    const few = restingWith({ old: 3, fresh: 2 });
    const most = { state: undoing, deployment: few, active: { a: 3 } };
    expect(written(decide({ ...most, router: { share: 75 } }))).toEqual({ route: 25, phase: 'undoing' });
    const [oldSet, newSet] = few.sets;
    const step = 'bringing old pods back: 3 of 4 old pods are ready';
    const swapped = { step, phase: 'undoing', replicaSet: 'web-a' };
    const rolling = { ...few, fields: { ...heldFields, maxSurge: 2 } };
    for (const deployment of [few, rolling])
      expect(written(decide({ ...most, deployment, router: { share: 25 } }))).toEqual({
        ...{ rollout: { ...heldFields, paused: true }, ...swapped },
      });
    // While they count as available, the controller would take the new pods for broken ones.
    const theirs = { ...few, live: oldSet! };
    expect(decide({ ...most, deployment: theirs, router: { share: 25 } })).toMatchObject({
      ...{ type: 'wait', message: 'the old pods still count as available' },
    });
    const held = { ...oldSet!, isHeld: true as const };
    const unseen = { ...theirs, sets: [held, newSet!], isObserved: false };
    expect(decide({ ...most, deployment: unseen, router: { share: 25 } }).type).toBe('wait');
    const ready = { ...theirs, sets: [held, newSet!] };
    expect(written(decide({ ...most, deployment: ready, router: { share: 25 } }))).toEqual({
      ...{ rollout: { ...heldFields, paused: false }, ...swapped },
    });
    const coming = { ...ready, fields: heldFields };
    expect(decide({ ...most, deployment: coming, router: { share: 25 }, phaseMs: 50_000 })).toMatchObject({
      ...{ type: 'wait', message: '3 of 4 old pods are ready' },
    });
    // They count when they were seen in the endpoints of the Service.
    expect(decide({ ...most, deployment: restingWith({}), router: { share: 25 } })).toMatchObject({
      type: 'wait',
    });
  });

  it('leaves the traffic where the old pods are not ready', () => {
    const sick = { ...restingWith({}), sets: [{ ...old, ready: 1 }, resting.live!] };
    const situation = { state: undoing, deployment: sick, active: { a: 1 } };
    expect(decide({ ...situation, phaseMs: 9999 })).toMatchObject({
      type: 'wait',
      message: '1 of 4 old pods are ready',
    });
    expect(decide({ ...situation, phaseMs: 10_000, release: { reason: 'new pods crash' } })).toEqual({
      type: 'halt',
      reason:
        'new pods crash; the new pods keep their share of the traffic, as only 1 of 4 old pods are ready',
    });
    expect(decide({ ...situation, phaseMs: 10_000 })).toMatchObject({
      reason: expect.stringMatching(/^the release failed; /),
    });
  });

  it('moves a Service back that has the new pods already', () => {
    const moved = {
      state: undoing,
      pin: 'b',
      active: { b: 4 },
      deployment: restingWith({ fresh: 4 }),
      router: { share: 100 },
    };
    expect(decide(moved)).toMatchObject({
      action: { type: 'selectPods', selector: { app: 'web', 'pod-template-hash': 'a' } },
    });
    expect(decide({ ...moved, pin: 'a', active: { b: 4 } })).toMatchObject({
      type: 'wait',
      message: 'the traffic of web is moving back',
    });
  });

  it('is known without what the release has kept', () => {
    const state = { phase: 'undoing' } as const;
    expect(written(decide({ state }))).toEqual({ route: 'own', phase: 'unrouted' });
    expect(written(decide({ state, router: { share: 'absent' } }))).toMatchObject({
      replicaSet: 'web-a',
      rollout: { ...before, maxSurge: '100%' },
    });
    expect(written(decide({ state, deployment: undefined }))).toEqual({ route: 'own', phase: 'unrouted' });
  });

  it('ends as rolling does', () => {
    const whole = {
      reference: resting.reference,
      resourceVersion: '7',
      isObserved: true,
      desired: 4,
      fields: before,
      live: old,
      sets: [old],
    };
    const over = {
      state: at('unrouted'),
      deployment: whole,
      router: { share: 'absent' as const },
      pin: undefined,
      preview: 'none' as const,
      phaseMs: 3000,
    };
    expect(decide(over)).toMatchObject({ action: { type: 'apply', revision: 1 } });
  });
});

describe('what a canary release by a router is asked', () => {
  const settings = { traffic: { httpRoute: { name: 'web' } } };

  it('is rolled back once, and what it has left is rolled back first', () => {
    expect(canary.rollBack(at('waiting'), '')).toMatchObject({ phase: 'undoing' });
    expect(canary.rollBack(at('undoing'), '')).toBeUndefined();
    expect(canary.rollBack(at('unrouted'), '')).toBeUndefined();
    expect(canary.rollsBackLeft?.(settings)).toBe(true);
    expect(canary.rollsBackLeft?.({})).toBe(false);
  });

  it('takes answers while it has both groups', () => {
    expect(canary.answers?.(at('switched', { step: 5 }))).toEqual(['promote', 'promoteFull', 'abort']);
    expect(canary.waitingStep?.(at('switched', { step: 5 }))).toBe(6);
    for (const phase of ['routing', 'previewing', 'starting'] as const)
      expect(canary.answers?.(at(phase))).toEqual(['promoteFull', 'abort', 'pause', 'detach']);
    for (const phase of ['pinned', 'undoing', 'unrouted'] as const)
      expect(canary.answers?.(at(phase))).toEqual([]);
  });

  it('counts the time for which old pods are kept', () => {
    expect(canary.pausesMs?.({ ...settings, steps: [{ weight: 1 }, { pause: '1m' }] })).toBe(90_000);
    const traffic = { ...settings.traffic, scaleDownDelay: '5s' };
    expect(canary.pausesMs?.({ traffic, steps: [{ weight: 1 }, { pause: '1m' }] })).toBe(65_000);
  });
});
