import { describe, expect, it } from '@jest/globals';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import { decideBlueGreen } from '../../../../src/strategies/blue-green/decide.ts';
import type { SeenDeployment } from '../../../../src/strategies/holding.ts';
import type { ObservedWorkload, Problem } from '../../../../src/strategies/strategy.ts';
import {
  active,
  completing,
  decideIn,
  deploymentReference,
  facts,
  held,
  hold,
  holdingOf,
  newPods,
  oldPods,
  own,
  preview,
  serviceReference,
} from './scene.ts';

const { candidate: _candidate, ...unknown } = hold;
const starting: SeenDeployment = { ...held, fields: heldFields };
const before = (deployment: SeenDeployment = held) =>
  holdingOf({ deployment, active: active('a'), preview: preview() });
const after = (deployment: SeenDeployment = held, endpoints: Record<string, number> = { b: 2 }) =>
  holdingOf({ deployment, active: active('b', endpoints), preview: preview() });
const resting = { ...heldFields, paused: true };

describe('a blue/green release that cannot see', () => {
  it('waits', () => {
    const input = { release: facts, settings: {}, state: { phase: 'waiting', hold }, phaseMs: 0 } as const;

    expect(decideBlueGreen({ ...input, observed: { type: 'unknown', reason: 'no route' } })).toEqual({
      type: 'wait',
      forMs: 2000,
      message: 'the cluster does not answer: no route',
    });
    expect(decideBlueGreen({ ...input, observed: { type: 'seen', workloads: [] } })).toEqual({
      type: 'wait',
      forMs: 2000,
      message: 'the cluster does not answer: nothing seen of the Deployment',
    });
  });
});

describe('the new pods of a blue/green release', () => {
  it('are started by applying the revision with its Deployment held', () => {
    const state = { hold: unknown };

    expect(decideIn('pinned', before(), { state })).toEqual({
      type: 'act',
      action: { type: 'hold', revision: 2, step: 'starting', before: own, active: 'web' },
      next: { phase: 'starting', hold: unknown },
      message: 'applying revision 2 beside the pods that serve',
    });
  });

  it('are compared again where nothing was kept of the hold', () => {
    const holding = holdingOf({ isPreviewTaken: true });

    expect(decideIn('starting', holding, { state: {} }).type).toBe('halt');
  });

  it('are waited for until as many are ready as there shall be', () => {
    const live = { ...newPods, ready: 1 };
    const { live: _, ...without } = starting;
    const state = { hold: unknown };
    const message = (deployment: SeenDeployment) => decideIn('starting', before(deployment), { state });

    expect(message({ ...starting, live })).toEqual({
      type: 'wait',
      forMs: 1000,
      message: '1 of 2 new pods are ready',
    });
    expect(message({ ...starting, isObserved: false })).toMatchObject({ type: 'wait' });
    expect(message(without)).toMatchObject({ type: 'wait', message: '0 of 2 new pods are ready' });
  });

  it('are waited for no longer than a phase may take', () => {
    const deployment = { ...starting, live: { ...newPods, ready: 0 } };
    const change = (phaseMs: number) => ({ state: { hold: unknown }, phaseMs });

    expect(decideIn('starting', before(deployment), change(59_600))).toMatchObject({ forMs: 400 });
    expect(decideIn('starting', before(deployment), change(60_000))).toStrictEqual({
      type: 'rollBack',
      reason: '0 of 2 new pods are ready: not done within 60 s',
    });
  });

  it('are left as they are with "rollback: never"', () => {
    const deployment = { ...starting, live: { ...newPods, ready: 0 } };
    const release = { rollback: 'never' } as const;

    expect(
      decideIn('starting', before(deployment), { release, state: { hold: unknown }, phaseMs: 60_000 }),
    ).toEqual({
      type: 'halt',
      reason: '0 of 2 new pods are ready: not done within 60 s (rollback: never)',
    });
  });

  it('are kept at rest when all are ready, then reached by the preview Service', () => {
    const state = { hold: unknown };

    expect(decideIn('starting', before(starting), { state })).toEqual({
      type: 'act',
      action: {
        type: 'rollout',
        deployment: deploymentReference,
        resourceVersion: '7',
        fields: resting,
        before: own,
        step: 'all new pods are ready',
      },
      next: { phase: 'starting', hold: unknown },
      message: 'all new pods are ready',
    });
    expect(decideIn('starting', before(), { state })).toEqual({
      type: 'act',
      action: {
        type: 'preview',
        active: 'web',
        revision: 2,
        name: 'web-preview',
        selector: { app: 'web', 'pod-template-hash': 'b' },
      },
      next: { phase: 'previewing', hold },
      message: 'Service web-preview selects the new pods',
    });
  });

  it('get their preview Service again when somebody has removed it', () => {
    const { preview: _, ...without } = before();

    expect(decideIn('previewing', without)).toMatchObject({
      action: { type: 'preview', selector: { 'pod-template-hash': 'b' } },
      next: { phase: 'previewing', hold },
    });
  });

  it('are waited for until the preview Service has them all', () => {
    const holding = holdingOf({ deployment: held, active: active('a'), preview: preview({ b: 1 }) });
    const none = holdingOf({ deployment: held, active: active('a'), preview: preview({}) });

    expect(decideIn('previewing', holding)).toEqual({
      type: 'wait',
      forMs: 250,
      message: '1 new pods are endpoints of web-preview',
    });
    expect(decideIn('previewing', none)).toMatchObject({
      message: '0 new pods are endpoints of web-preview',
    });
  });

  it('get no traffic while others than they are the live ones', () => {
    const unobserved = { ...held, isObserved: false, live: { ...newPods, name: 'web-c', hash: 'c' } };

    expect(decideIn('previewing', before(unobserved)).type).toBe('wait');
  });

  it('get no traffic while nothing is known of them, or of their preview Service', () => {
    const { live: _live, ...unknownPods } = { ...held, isObserved: false };
    const { preview: _preview, ...unreached } = before();
    const settings = { autoPromote: { after: '1s' } };

    expect(decideIn('previewing', before(unknownPods)).type).toBe('wait');
    expect(decideIn('waiting', unreached, { settings, phaseMs: 2000 }).type).toBe('wait');
  });
});

describe('a blue/green release that asks a person', () => {
  const settings = { autoPromote: false };

  it('says so on the Deployment', () => {
    expect(decideIn('previewing', before(), { settings })).toEqual({
      type: 'act',
      action: {
        type: 'rollout',
        deployment: deploymentReference,
        resourceVersion: '7',
        fields: resting,
        before: own,
        step: 'waiting for promote or abort',
      },
      next: { phase: 'waiting', hold },
      message: 'waiting for promote or abort',
    });
  });

  it('waits for the answer, however long a phase may take', () => {
    const message = 'the new pods are ready behind web-preview; waiting for promote or abort';

    expect(decideIn('waiting', before(), { settings, phaseMs: 900_000 })).toEqual({
      type: 'wait',
      forMs: 2000,
      message,
    });
  });

  it('moves the traffic when it is promoted, or when the time is over', () => {
    const answered = { ...held, answer: { revision: 2, answer: 'promote' } } as const;
    const moved = {
      action: { type: 'selectPods', selector: { app: 'web', 'pod-template-hash': 'b' }, revision: 2 },
      next: { phase: 'switched', hold },
      message: 'moving the traffic of web to the new pods',
    };
    const timed = { autoPromote: { after: '1m' } };

    expect(decideIn('waiting', before(answered), { settings })).toMatchObject(moved);
    expect(decideIn('waiting', before(), { settings: timed, phaseMs: 59_000 })).toMatchObject({
      type: 'wait',
      forMs: 1000,
    });
    expect(decideIn('waiting', before(), { settings: timed, phaseMs: 60_000 })).toMatchObject(moved);
  });

  it('does not move it while a new pod is not ready, even when it is promoted', () => {
    const answer = { revision: 2, answer: 'promote' } as const;
    const live = { ...newPods, ready: 1 };

    expect(decideIn('waiting', before({ ...held, answer, live }), { settings })).toEqual({
      type: 'wait',
      forMs: 1000,
      message: 'not all new pods are ready',
    });
  });

  it('goes back when it is aborted, and takes no answer to another revision', () => {
    const aborted = (revision: number) => ({ ...held, answer: { revision, answer: 'abort' } as const });

    expect(decideIn('waiting', before(aborted(2)), { settings })).toEqual({
      type: 'rollBack',
      reason: 'aborted by a person',
    });
    expect(decideIn('waiting', before(aborted(1)), { settings }).type).toBe('wait');
  });
});

describe('a blue/green release after the switch', () => {
  it('waits until the Service has new pods alone as endpoints', () => {
    const message = 'the traffic of web is moving';

    for (const endpoints of [{ a: 1, b: 2 }, { a: 2 }, {}] as Record<string, number>[])
      expect(decideIn('switched', after(held, endpoints))).toEqual({ type: 'wait', forMs: 250, message });
  });

  it('keeps the old pods for scaleDownDelay', () => {
    const settings = { scaleDownDelay: '90s' };

    expect(decideIn('switched', after(), { settings, phaseMs: 1000 })).toEqual({
      type: 'wait',
      forMs: 1000,
      message: 'the new pods serve; the old ones stay for 1m30s',
    });
    expect(decideIn('switched', after(), { settings, phaseMs: 89_400 })).toMatchObject({ forMs: 600 });
    expect(decideIn('switched', after(), { phaseMs: 29_999 })).toMatchObject({ type: 'wait', forMs: 1 });
  });

  it('then completes the rollout with the new pods', () => {
    expect(decideIn('switched', after(), { phaseMs: 30_000 })).toEqual({
      type: 'act',
      action: {
        type: 'rollout',
        deployment: deploymentReference,
        resourceVersion: '7',
        fields: { ...completing },
        before: own,
        replicaSet: 'web-b',
        step: 'completing',
      },
      next: { phase: 'completing', hold },
      message: 'completing the rollout of web with the pods of web-b',
    });
  });

  it('goes back when nobody of the new pods is ready any more', () => {
    const live = { ...newPods, ready: 0 };

    expect(decideIn('switched', after({ ...held, live }))).toEqual({
      type: 'rollBack',
      reason: 'no new pod of Deployment web is ready any more',
    });
    expect(decideIn('switched', after({ ...held, live: { ...live, ready: 1 } })).type).toBe('wait');
    expect(decideIn('waiting', before({ ...held, live })).type).toBe('wait');
  });

  it('goes back when somebody has changed the selector', () => {
    expect(decideIn('switched', before())).toEqual({
      type: 'rollBack',
      reason: 'somebody changed the selector of Service web during the release',
    });
  });
});

describe('a blue/green release that completes', () => {
  it('waits for the old pods to go, as long as a phase may take', () => {
    const going = { ...held, fields: completing, sets: [{ ...oldPods, present: 1 }, newPods] };

    expect(decideIn('completing', after(going))).toEqual({
      type: 'wait',
      forMs: 300,
      message: 'web-b has 2 ready pods, web-a still has 1',
    });
    expect(decideIn('completing', after(going), { phaseMs: 60_000 })).toEqual({
      type: 'rollBack',
      reason: 'web-b has 2 ready pods, web-a still has 1: not done within 60 s',
    });
  });

  it('gives the Deployment the fields of its manifest over those that it had', () => {
    const alone = { ...held, fields: { ...completing, minReadySeconds: 9 }, sets: [newPods] };
    const { manifest } = holdingOf({});
    const fields = { ...manifest.fields, minReadySeconds: 9 };
    const holding = holdingOf({
      ...{ deployment: alone, active: active(undefined, { b: 2 }), manifest: { ...manifest, fields } },
    });

    expect(decideIn('completing', holding)).toMatchObject({
      action: { type: 'rollout', fields: { ...own, minReadySeconds: 9 }, before: own },
      next: { phase: 'completing', hold },
    });
  });

  it('keeps the traffic with the new pods until the old ones are gone, whoever takes the mark off', () => {
    const { mark: _, ...unmarked } = { ...held, fields: completing };

    expect(decideIn('completing', holdingOf({ deployment: unmarked, active: active('b') }))).toEqual({
      type: 'wait',
      forMs: 250,
      message: 'web-a still has 2 pods',
    });
    const alone = { ...unmarked, sets: [newPods] };
    expect(decideIn('completing', holdingOf({ deployment: alone, active: active('b') }))).toMatchObject({
      action: { type: 'selectPods', selector: { app: 'web' } },
    });
  });

  it('applies the revision as it is, at the end', () => {
    const { mark: _, ...free } = { ...held, fields: own, sets: [newPods] };
    const holding = holdingOf({ deployment: free, active: active(undefined, { b: 2 }) });

    expect(decideIn('completing', holding)).toMatchObject({
      action: { type: 'apply', revision: 2 },
      next: { phase: 'progressing' },
    });
    expect(decideIn('progressing', holding)).toMatchObject({ next: { phase: 'selected' } });
  });
});

describe('a problem during a blue/green release', () => {
  const problem: Problem = {
    kind: 'crashLoop',
    ...{ message: 'it crashes', key: 'k', restarts: 5, backsOff: true, lastedMs: 0 },
  };
  const failing: ObservedWorkload = {
    ...{ reference: deploymentReference, complete: false, withoutReadinessProbe: false, paused: false },
    ...{
      desired: 2,
      updated: 1,
      ready: 0,
      revision: 'web-b',
      problems: [problem],
      tracks: [],
      stuckPods: [],
    },
  };

  it('of the new pods ends it, with the problem as its cause', () => {
    expect(decideIn('starting', before(starting), { workloads: [failing] })).toEqual({
      type: 'rollBack',
      reason: 'it crashes',
      problem,
    });
    const release = { rollback: 'never' } as const;
    expect(decideIn('starting', before(starting), { workloads: [failing], release })).toEqual({
      type: 'halt',
      reason: 'it crashes (rollback: never)',
      problem,
    });
  });

  it.each<[string, Partial<SeenDeployment> | undefined, string]>([
    ['a Deployment that was deleted', undefined, 'Deployment web was deleted'],
    ['a Deployment without pods', { desired: 0 }, 'somebody scaled Deployment web to 0'],
    [
      'another template',
      { live: { ...newPods, hash: 'c' } },
      'somebody changed the pod template of Deployment web during the release',
    ],
    ['a rollout that goes on', { fields: heldFields }, 'somebody resumed Deployment web during the release'],
  ])('ends it: %s', (_, change, reason) => {
    const { deployment: _deployment, ...gone } = before();
    const holding = change === undefined ? gone : before({ ...held, ...change });

    expect(decideIn('waiting', holding)).toEqual({ type: 'rollBack', reason });
  });

  it('ends it: a template that has no ReplicaSet yet', () => {
    const { live: _, ...changed } = held;

    expect(decideIn('waiting', before(changed))).toEqual({
      type: 'rollBack',
      reason: 'somebody changed the pod template of Deployment web during the release',
    });
  });

  it('ends it: an annotation that was taken off', () => {
    const { mark: _, ...unmarked } = held;

    expect(decideIn('waiting', before(unmarked))).toEqual({
      type: 'rollBack',
      reason: 'somebody took the annotation of the release off Deployment web during the release',
    });
  });

  it('ends it: the old template again, before the new pods are known', () => {
    const live = oldPods;

    expect(decideIn('starting', before({ ...starting, live }), { state: { hold: unknown } })).toEqual({
      type: 'rollBack',
      reason: 'somebody changed the pod template of Deployment web during the release',
    });
  });

  it('is none before the controller has seen the last write, nor a Service that is not there', () => {
    const live = oldPods;
    const unseen = { ...starting, live, isObserved: false };
    const { active: _, ...without } = before();

    expect(decideIn('starting', before(unseen), { state: { hold: unknown } }).type).toBe('wait');
    expect(decideIn('waiting', without, { settings: { autoPromote: false } }).type).toBe('wait');
  });

  it('is no rollout that goes on by the release itself', () => {
    expect(decideIn('starting', before(starting), { state: { hold: unknown } }).type).toBe('act');
    expect(decideIn('completing', after({ ...held, fields: completing })).type).toBe('wait');
  });

  it('is a selector that is not pinned only while the old pods serve', () => {
    const alone = { ...held, fields: completing, sets: [newPods] };

    expect(decideIn('completing', after(alone))).toMatchObject({
      action: { type: 'selectPods', service: serviceReference, selector: { app: 'web' } },
    });
  });
});
