import { describe, expect, it } from '@jest/globals';
import { decideBlueGreen } from '../../../../src/strategies/blue-green/decide.ts';
import type { Holding, SeenDeployment } from '../../../../src/strategies/holding.ts';
import {
  active,
  completing,
  decideIn,
  deploymentReference,
  firstRelease,
  held,
  holdingOf,
  mark,
  newPods,
  oldPods,
  own,
  preview,
  previewReference,
  serviceReference,
  untouched,
} from './scene.ts';

const compare = (holding: Holding, phaseMs = 0) => decideIn('comparing', holding, { state: {}, phaseMs });
const changing = (deployment: SeenDeployment, more: Partial<Holding> = {}) =>
  holdingOf({ deployment, active: active(), changesPods: true, ...more });

/** The Deployment that this release has paused, to pin its Service. */
const paused: SeenDeployment = {
  ...untouched,
  ...{ fields: { ...own, paused: true }, mark: { ...mark, step: 'pinning' } },
};

const applied = { type: 'act', action: { type: 'apply', revision: 2 }, next: { phase: 'progressing' } };

describe('the begin of a blue/green release', () => {
  it('pauses the Deployment, so that its pods stay while the Service is pinned to them', () => {
    expect(compare(changing(untouched))).toEqual({
      type: 'act',
      action: {
        type: 'rollout',
        deployment: deploymentReference,
        resourceVersion: '7',
        fields: { ...own, paused: true },
        before: own,
        step: 'pinning',
      },
      next: { phase: 'comparing', hold: { stable: 'a', before: own, selector: { app: 'web' } } },
      message: 'pausing web',
    });
  });

  it('pauses it again where somebody has taken the mark off', () => {
    const { mark: _, ...unmarked } = paused;
    const state = { hold: { stable: 'a', before: own, selector: { app: 'web' } } };

    expect(decideIn('comparing', changing(unmarked), { state })).toMatchObject({
      action: { type: 'rollout', fields: { ...own, paused: true }, before: own, step: 'pinning' },
      next: { phase: 'comparing', ...state },
    });
    const { live: _live, ...changed } = unmarked;
    expect(decideIn('comparing', changing(changed), { state })).toMatchObject({
      action: { type: 'rollout', fields: own, before: own },
      next: { phase: 'comparing' },
    });
    expect(decideIn('undoing', changing(unmarked), { state })).toMatchObject({
      action: { type: 'rollout', fields: own, before: own },
    });
  });

  it('completes what is paused by another release, or was resumed by somebody', () => {
    const leftovers = [
      { ...paused, mark: { ...mark, step: 'pinning', revision: 1 } },
      { ...paused, mark },
      { ...paused, fields: own },
      { ...paused, desired: 0 },
    ];
    const other = { ...paused, sets: [oldPods, newPods] };
    const { live: _, ...changed } = paused;

    for (const deployment of leftovers)
      expect(compare(changing(deployment))).toMatchObject({ action: { step: 'completing' } });
    expect(compare(changing(other))).toMatchObject({ action: { step: 'completing' } });
    expect(compare(changing(paused, { isPreviewTaken: true }))).toMatchObject({
      action: { step: 'completing' },
    });
    expect(compare(changing({ ...changed, sets: [] }))).toMatchObject({
      action: { type: 'rollout', fields: own },
    });
  });

  it('pins the Service, as it was seen, to the pods that serve', () => {
    expect(compare(changing(paused))).toEqual({
      type: 'act',
      action: {
        type: 'selectPods',
        service: serviceReference,
        resourceVersion: '8',
        selector: { app: 'web', 'pod-template-hash': 'a' },
      },
      next: { phase: 'pinned', hold: { stable: 'a', before: own, selector: { app: 'web' } } },
      message: 'pinning Service web to the pods that serve',
    });
  });

  it('keeps the selector of the live Service for the way back, and takes the manifest’s where there is none', () => {
    const service = { ...active(), selector: { app: 'web', tier: 'front' } };

    expect(compare(changing(paused, { active: service }))).toMatchObject({
      action: { selector: { app: 'web', tier: 'front', 'pod-template-hash': 'a' } },
      next: { hold: { selector: { app: 'web', tier: 'front' } } },
    });
    expect(compare(holdingOf({ deployment: paused, changesPods: true }))).toEqual({
      type: 'act',
      action: {
        type: 'selectPods',
        service: serviceReference,
        selector: { app: 'web', 'pod-template-hash': 'a' },
      },
      next: { phase: 'pinned', hold: { stable: 'a', before: own, selector: { app: 'web' } } },
      message: 'pinning Service web to the pods that serve',
    });
  });

  it('applies the objects and no more where nothing is there that could be held', () => {
    const { manifest } = holdingOf({});

    expect(compare(holdingOf({ active: active(), changesPods: true }))).toMatchObject(applied);
    expect(compare(changing(untouched, { changesPods: false }))).toMatchObject(applied);
    expect(compare(changing({ ...untouched, desired: 0 }))).toMatchObject(applied);
    const empty = { ...manifest, replicas: 0 };
    expect(compare(changing(untouched, { manifest: empty }))).toMatchObject(applied);
    const observed = { type: 'seen', workloads: [], holding: changing(untouched) } as const;
    const first = { release: firstRelease, settings: {}, state: { phase: 'comparing' }, observed } as const;
    expect(decideBlueGreen({ ...first, phaseMs: 0 })).toMatchObject({ action: { type: 'apply' } });
  });

  it('applies no object whose pods nobody has compared', () => {
    expect(compare(holdingOf({ deployment: untouched, active: active() }))).toMatchObject(applied);
  });

  it('stops at a Service of the preview’s name that no release has made', () => {
    expect(compare(changing(untouched, { isPreviewTaken: true }))).toEqual({
      type: 'halt',
      reason:
        'Service web-preview is not one that a release has made: give strategy.blueGreen.previewService another name',
    });
  });

  it('waits for the controller for a minute', () => {
    const { live: _, ...without } = untouched;

    for (const deployment of [{ ...untouched, isObserved: false }, without]) {
      expect(compare(changing(deployment), 59_999)).toEqual({
        type: 'wait',
        forMs: 500,
        message: 'web not observed by its controller yet',
      });
      expect(compare(changing(deployment), 60_000)).toMatchObject(applied);
    }
  });

  it('stops at a Deployment that somebody has paused', () => {
    const deployment = { ...untouched, fields: { ...own, paused: true } };

    expect(compare(changing(deployment))).toEqual({
      type: 'halt',
      reason: 'Deployment web is paused: kubectl rollout resume deployment/web continues it',
    });
  });

  it.each([
    ['wanted', { wanted: 1, present: 0 }],
    ['present', { wanted: 0, present: 1 }],
  ])('waits a minute for the end of a rollout by others, with other pods %s', (_, pods) => {
    const holding = changing({ ...untouched, sets: [{ ...newPods, ...pods }, oldPods] });
    const reason =
      'Deployment web is in the middle of a rollout (web-b has pods): wait for its end, or release once with strategy: {rolling: {}}';

    expect(compare(holding, 59_999)).toEqual({ type: 'wait', forMs: 500, message: reason });
    expect(compare(holding, 60_000)).toEqual({ type: 'halt', reason });
  });

  it('takes an old ReplicaSet without pods for no rollout', () => {
    const holding = changing({ ...paused, sets: [{ ...newPods, wanted: 0, present: 0 }, oldPods] });

    expect(compare(holding)).toMatchObject({ next: { phase: 'pinned' } });
  });

  it('stops at endpoints of other pods, which would get no traffic any more', () => {
    const holding = changing(untouched, { active: active(undefined, { a: 2, '': 1 }) });
    const reason =
      'Service web has endpoints that are no pods of Deployment web, which would be lost: let its selector match the pods of web alone';

    expect(compare(holding, 59_999)).toEqual({ type: 'wait', forMs: 500, message: reason });
    expect(compare(holding, 60_000)).toEqual({ type: 'halt', reason });
  });
});

describe('what an earlier release has left', () => {
  it('is completed first, with the pods to which the Service is pinned', () => {
    expect(compare(changing(held, { active: active('a') }))).toEqual({
      type: 'act',
      action: {
        type: 'rollout',
        deployment: deploymentReference,
        resourceVersion: '7',
        fields: completing,
        before: own,
        replicaSet: 'web-a',
        step: 'completing',
      },
      next: { phase: 'comparing' },
      message: 'completing the rollout of web with the pods of web-a',
    });
  });

  it('is completed with the pods of the template where the Service is not pinned', () => {
    expect(compare(changing(held))).toMatchObject({
      action: { type: 'rollout', replicaSet: 'web-b' },
      message: 'completing the rollout of web with the pods of web-b',
    });
    const seen = changing(held, { active: active(undefined, { a: 2, b: 2 }) });
    expect(compare(seen, 60_000)).toMatchObject({ action: { type: 'rollout', replicaSet: 'web-b' } });
  });

  it('is waited for while the controller has not seen the last write, and while other pods are there', () => {
    const going = { ...held, fields: completing };

    expect(compare(changing(going, { active: active('b') }))).toEqual({
      type: 'wait',
      forMs: 300,
      message: 'web-b has 2 ready pods, web-a still has 2',
    });
    const { resourceVersion } = going;
    const unseen = { ...going, isObserved: false, resourceVersion };
    expect(
      decideIn('undoing', holdingOf({ deployment: unseen, active: active('b') }), { state: {} }),
    ).toEqual({ type: 'wait', forMs: 300, message: 'the controller is about to see it' });
  });

  it('keeps no release that pins the pods of the template waiting for more than a minute', () => {
    const going = { ...held, fields: completing };

    expect(compare(changing(going, { active: active('b') }), 59_999)).toMatchObject({ type: 'wait' });
    expect(compare(changing(going, { active: active('b') }), 60_000)).toMatchObject({
      action: { type: 'rollout', fields: { ...own, paused: true }, step: 'pinning', before: own },
      next: { phase: 'comparing' },
    });
    const rested = { ...held, fields: { ...own, paused: true }, mark: { ...mark, step: 'pinning' } };
    expect(compare(changing(rested, { active: active('b') }), 60_000)).toMatchObject({
      action: { type: 'selectPods', selector: { 'pod-template-hash': 'b' } },
      next: { phase: 'pinned', hold: { stable: 'b', before: own, selector: { app: 'web' } } },
    });
  });

  it('is waited for when the Service is pinned to pods that are none of the template', () => {
    const going = { ...held, fields: completing };

    expect(compare(changing(going, { active: active('c', {}) }), 60_000)).toMatchObject({ type: 'wait' });
  });

  it('keeps old pods from being held when the Service is not pinned', () => {
    const going = { ...held, fields: completing };

    expect(compare(changing(going, { active: active(undefined, { b: 2 }) }), 60_000)).toMatchObject({
      type: 'halt',
      reason: expect.stringMatching(/in the middle of a rollout \(web-a has pods\)/),
    });
  });

  it('is taken off when no other pods are left: the pin, the mark, the preview Service, one after the other', () => {
    const alone = { ...held, fields: completing, sets: [newPods] };
    const { mark: _, ...unmarked } = { ...alone, fields: own };

    expect(compare(changing(alone, { active: active('b') }))).toEqual({
      type: 'act',
      action: {
        type: 'selectPods',
        service: serviceReference,
        resourceVersion: '8',
        selector: { app: 'web' },
      },
      next: { phase: 'comparing' },
      message: 'unpinning web',
    });
    expect(compare(changing(alone, { active: active(undefined, { b: 2 }) }))).toEqual({
      type: 'act',
      action: {
        type: 'rollout',
        deployment: deploymentReference,
        resourceVersion: '7',
        fields: own,
        before: mark.before,
      },
      next: { phase: 'comparing' },
      message: 'web has its own rollout fields again',
    });
    const service = { ...active('b'), selector: { tier: 'front', 'pod-template-hash': 'b' } };
    expect(compare(changing(alone, { active: service }))).toMatchObject({
      action: { type: 'selectPods', selector: { tier: 'front' } },
    });
    const last = changing(unmarked, { active: active(undefined, { b: 2 }), preview: preview() });
    expect(compare(last)).toEqual({
      type: 'act',
      action: { type: 'removePreview', service: previewReference },
      next: { phase: 'comparing', isPreviewRemoved: true },
      message: 'removing Service web-preview',
    });
    expect(decideIn('comparing', last, { state: { isPreviewRemoved: true } })).toMatchObject({
      action: { type: 'rollout', step: 'pinning' },
      next: { phase: 'comparing' },
    });
  });
});
