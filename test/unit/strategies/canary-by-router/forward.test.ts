import { describe, expect, it } from '@jest/globals';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import {
  at,
  before,
  decide,
  fresh,
  hold,
  mark,
  old,
  resting,
  restingWith,
  settings,
  starting,
  written,
} from './scene.ts';

const untouched = { ...resting, fields: before, live: old, sets: [old] };
const { mark: _, ...unmarked } = untouched;
const rest = { ...heldFields, maxSurge: 2, paused: true };

describe('the begin of a canary release by a router', () => {
  const begin = (more: Partial<Parameters<typeof decide>[0]> = {}) =>
    decide({
      state: { phase: 'comparing' },
      deployment: unmarked,
      router: { share: 'absent' },
      preview: 'none',
      pin: undefined,
      ...more,
    });

  it('pauses the Deployment, then pins the Service', () => {
    expect(written(begin())).toMatchObject({
      rollout: { ...before, paused: true },
      phase: 'comparing',
      step: 'pinning',
    });
    const paused = { ...unmarked, fields: { ...before, paused: true }, mark: { ...mark, step: 'pinning' } };
    expect(begin({ deployment: paused })).toMatchObject({
      action: { type: 'selectPods', selector: { app: 'web', 'pod-template-hash': 'a' } },
      next: { phase: 'pinned', hold: { stable: 'a', before, selector: { app: 'web' } } },
    });
  });

  it.each<[string, Parameters<typeof begin>[0], string]>([
    [
      'there is none',
      { router: 'none' },
      'there is no HTTPRoute web in the namespace of the Service: release it once with strategy: {rolling: {}}, or apply it before',
    ],
    [
      'it cannot be shared out',
      { router: { share: 'absent', problem: 'sends nothing to Service web' } },
      'HTTPRoute web cannot share the traffic out: sends nothing to Service web',
    ],
    [
      'no Gateway has it',
      { router: { share: 'absent', isInForce: false } },
      'no Gateway has accepted HTTPRoute web as it is now',
    ],
    [
      'it names the new pods',
      { router: { share: 20 } },
      'HTTPRoute web already sends traffic to Service web-canary, which the release makes: take that out of it',
    ],
  ])('waits a minute for the route, and halts with nothing changed, where %s', (_, more, reason) => {
    expect(begin({ ...more, phaseMs: 59_999 })).toMatchObject({ type: 'wait', message: reason });
    expect(begin({ ...more, phaseMs: 60_000 })).toEqual({ type: 'halt', reason });
  });

  it('takes out of the route what a release has left whose record is lost, before its Service goes', () => {
    const left = { preview: {}, pin: 'a' };
    expect(written(begin({ ...left, router: { share: 20 } }))).toEqual({ route: 'own', phase: 'comparing' });
    expect(begin({ ...left, router: { share: 'absent', isInForce: false } })).toMatchObject({
      type: 'wait',
      message: 'the route is not in force yet',
    });
    expect(begin({ ...left, pin: undefined })).toMatchObject({ action: { type: 'removePreview' } });
  });

  it('asks nothing of the route where no pod changes', () => {
    expect(begin({ changesPods: false, router: 'none' })).toMatchObject({
      action: { type: 'apply', revision: 2 },
    });
  });

  it('starts the pods of the first step beside the old ones, and leaves Service and route as they are', () => {
    const { candidate: _, ...kept } = hold;
    const state = { phase: 'pinned', hold: kept } as const;
    expect(decide({ state, deployment: untouched, router: { share: 'absent' } })).toEqual({
      type: 'act',
      action: {
        ...{
          type: 'hold',
          revision: 2,
          step: 'starting 2 new pods for 20 % of the traffic',
          before,
          active: 'web',
        },
        share: { surge: 2, stable: 'a' },
        router: { kind: 'HTTPRoute', name: 'web' },
      },
      next: { phase: 'starting', step: 0, aim: { weight: 20, next: 1 }, hold: kept },
      message: 'applying revision 2: 2 new pods for 20 % of the traffic start beside the old ones',
    });
    const testers = { ...settings, steps: [{ replicas: 1 }, { weight: 50 }] };
    expect(decide({ state, deployment: untouched, settings: testers })).toMatchObject({
      action: { share: { surge: 1 } },
      next: { aim: { weight: 0, pods: 1, next: 1 } },
    });
    expect(
      decide({
        state,
        deployment: undefined,
        settings: { traffic: settings.traffic!, steps: [{ weight: 100 }] },
      }),
    ).toMatchObject({
      action: { share: { surge: 4 } },
    });
  });
});

describe('new pods that start', () => {
  it('are waited for, then paused, then get a Service, then their share', () => {
    const state = at('starting');
    const few = { ...starting, live: { ...fresh, ready: 1 } };
    expect(decide({ state, deployment: few })).toMatchObject({
      type: 'wait',
      forMs: 1000,
      message: '1 of 2 new pods are ready',
    });
    expect(decide({ state, deployment: starting, router: { share: 'absent' } })).toMatchObject({
      action: { type: 'rollout', fields: rest, step: '2 new pods ready' },
      next: { phase: 'starting', hold: { candidate: 'b' } },
    });
    expect(decide({ state, preview: 'none', router: { share: 'absent' } })).toMatchObject({
      action: {
        type: 'preview',
        active: 'web',
        revision: 2,
        name: 'web-canary',
        selector: { app: 'web', 'pod-template-hash': 'b' },
      },
      next: { phase: 'previewing', hold: { candidate: 'b' } },
      message: 'Service web-canary selects the new pods',
    });
    const previewing = at('previewing');
    expect(
      decide({ state: previewing, preview: { b: 1 }, phaseMs: 5000, router: { share: 'absent' } }),
    ).toMatchObject({
      type: 'wait',
      message: '1 of 2 new pods are endpoints of web-canary',
    });
    expect(decide({ state: previewing, phaseMs: 400, router: { share: 'absent' } })).toMatchObject({
      type: 'wait',
      forMs: 600,
    });
    expect(written(decide({ state: previewing, phaseMs: 1000, router: { share: 'absent' } }))).toEqual({
      route: 20,
      phase: 'routing',
    });
  });

  it('get their share at once where they have their Service already', () => {
    const aim = { weight: 50, next: 3 };
    expect(written(decide({ state: at('starting', { step: 2, aim }) }))).toEqual({
      route: 50,
      phase: 'routing',
    });
  });

  it('are fewer where a scaling has taken their room, and the others are started then', () => {
    const aim = { weight: 75, next: 3 };
    const small = { ...starting, fields: { ...heldFields, maxSurge: 1 }, sets: [old, fresh] };
    const live = { ...fresh, wanted: 1, ready: 1 };
    expect(
      written(decide({ state: at('starting', { step: 2, aim }), deployment: { ...small, live } })),
    ).toMatchObject({
      rollout: { paused: true },
    });
    const paused = restingWith({ fresh: 1 });
    expect(
      written(decide({ state: at('starting', { step: 2, aim }), deployment: paused, preview: { b: 1 } })),
    ).toMatchObject({
      rollout: { ...heldFields, maxSurge: 3, maxUnavailable: 0 },
      step: 'starting 3 new pods for 75 % of the traffic',
      phase: 'starting',
    });
  });

  it('fail the release when they are not ready in time', () => {
    const few = { ...starting, live: { ...fresh, ready: 1 } };
    expect(decide({ state: at('starting'), deployment: few, phaseMs: 60_000 })).toMatchObject({
      type: 'rollBack',
      reason: '1 of 2 new pods are ready: not done within 60 s',
    });
  });

  it('give testers their header', () => {
    const testerHeader = { name: 'x-tester', value: 'yes' };
    const wanted = { ...settings, traffic: { httpRoute: { name: 'web' }, testerHeader } };
    expect(written(decide({ state: at('previewing'), phaseMs: 1000, settings: wanted }))).toEqual({
      ...{ route: 20, phase: 'routing', tester: testerHeader },
    });
  });
});

describe('a share that is written', () => {
  it('is waited for, then the next step begins', () => {
    const state = at('routing');
    expect(decide({ state, router: { isInForce: false } })).toMatchObject({
      type: 'wait',
      forMs: 250,
      message: 'HTTPRoute web is not in force yet with 20 %',
    });
    expect(
      decide({ state, router: { isInForce: false, problem: 'no such port' }, phaseMs: 60_000 }),
    ).toMatchObject({
      type: 'rollBack',
      reason: 'HTTPRoute web is not in force yet with 20 %: no such port: not done within 60 s',
    });
    expect(written(decide({ state }))).toEqual({
      ...{ rollout: rest, phase: 'stepping', step: '2 new pods, 20 % of the traffic' },
    });
    expect(decide({ state })).toMatchObject({ next: { step: 1 } });
  });
});

describe('the steps of a canary release by a router', () => {
  it('pause', () => {
    expect(written(decide({ state: at('stepping', { step: 1 }) }))).toMatchObject({
      step: '2 new pods, 20 % of the traffic; waiting for promote or abort',
      phase: 'waiting',
    });
    expect(decide({ state: at('waiting', { step: 1 }) })).toMatchObject({ type: 'wait' });
    const answer = { revision: 2, answer: 'promote', step: 2 } as const;
    expect(decide({ state: at('waiting', { step: 1 }), deployment: { ...resting, answer } })).toMatchObject({
      next: { phase: 'stepping', step: 2 },
    });
  });

  it('start what a higher weight takes, beside all old pods', () => {
    expect(written(decide({ state: at('stepping', { step: 2 }) }))).toEqual({
      rollout: { ...heldFields, maxSurge: 3, maxUnavailable: 0 },
      step: 'starting 3 new pods for 75 % of the traffic',
      phase: 'starting',
    });
    // Of fewer old pods than there are to be, as a scaling has left them.
    const scaled = restingWith({ old: 3, fresh: 2 });
    expect(written(decide({ state: at('stepping', { step: 2 }), deployment: scaled }))).toMatchObject({
      rollout: { maxSurge: 2 },
    });
    const shrunk = restingWith({ old: 2, fresh: 2 });
    expect(written(decide({ state: at('stepping', { step: 2 }), deployment: shrunk }))).toMatchObject({
      rollout: { maxSurge: 1 },
    });
  });

  it('start pods and leave the weight, where they say a number', () => {
    const state = at('stepping', { step: 3, aim: { weight: 75, next: 3 } });
    const deployment = restingWith({ fresh: 3 });
    expect(decide({ state, deployment, router: { share: 75 } })).toMatchObject({
      action: { fields: { maxSurge: 4 } },
      next: { aim: { weight: 75, pods: 4, next: 4 } },
    });
  });

  it('lower the weight, and leave the pods', () => {
    const state = at('stepping', { step: 4, aim: { weight: 75, pods: 4, next: 4 } });
    const deployment = restingWith({ fresh: 4 });
    expect(written(decide({ state, deployment, router: { share: 75 }, preview: { b: 4 } }))).toEqual({
      route: 10,
      phase: 'routing',
    });
  });

  it.each([
    ['the last one', {}, at('stepping', { step: 5, aim: { weight: 10, next: 5 } })],
    [
      'a promotion in full',
      { answer: { revision: 2, answer: 'promoteFull' as const } },
      at('stepping', { step: 1, aim: { weight: 10, next: 1 } }),
    ],
  ])('give the new pods all traffic after %s', (_, answer, state) => {
    const few = { ...restingWith({ fresh: 2 }), ...answer };
    expect(decide({ state, deployment: few, router: { share: 10 } })).toMatchObject({
      action: { fields: { maxSurge: 4 } },
      next: { aim: { weight: 100, next: 5 } },
    });
    const all = { ...restingWith({ fresh: 4 }), ...answer };
    expect(written(decide({ state, deployment: all, router: { share: 10 }, preview: { b: 4 } }))).toEqual({
      route: 100,
      phase: 'routing',
    });
  });

  it('end with the Service of the team, when all new pods serve', () => {
    const state = at('stepping', { step: 5, aim: { weight: 100, next: 5 } });
    const deployment = restingWith({ fresh: 4 });
    const share = { share: 100 };
    expect(decide({ state, deployment, router: share, preview: { b: 4 } })).toMatchObject({
      action: {
        type: 'selectPods',
        selector: { app: 'web', 'pod-template-hash': 'b' },
        revision: 2,
        resourceVersion: '8',
      },
      next: { phase: 'switched' },
      message: 'Service web selects the new pods',
    });
    expect(decide({ state, deployment, router: share, preview: { b: 3 } })).toMatchObject({
      type: 'wait',
      message: '3 of 4 new pods are endpoints of web-canary',
    });
    // A scaling up asks for more of them first.
    const scaled = restingWith({ old: 5, fresh: 5, desired: 6 });
    expect(decide({ state, deployment: scaled, router: share, preview: { b: 5 } })).toMatchObject({
      action: { fields: { maxSurge: 5 } },
    });
  });
});

describe('a Service that has the new pods', () => {
  const state = at('switched', { step: 5, aim: { weight: 100, next: 5 } });
  const deployment = restingWith({ fresh: 4 });
  const moved = {
    state,
    deployment,
    pin: 'b',
    active: { b: 4 },
    preview: { b: 4 },
    router: { share: 'absent' as const },
  };

  it('is seen to have them alone before the route is the team’s own again', () => {
    const routed = { ...moved, router: { share: 100 } };
    expect(decide({ ...routed, active: { a: 1, b: 4 } })).toMatchObject({
      type: 'wait',
      forMs: 250,
      message: 'the traffic of web is moving',
    });
    expect(decide({ ...routed, active: {} })).toMatchObject({
      type: 'wait',
      message: 'the traffic of web is moving',
    });
    expect(written(decide(routed))).toEqual({ route: 'own', phase: 'switched' });
    expect(decide({ ...moved, router: { share: 'absent', isInForce: false } })).toMatchObject({
      message: 'HTTPRoute web is not in force yet',
    });
  });

  it('keeps the old pods for a while, or until a person promotes', () => {
    expect(decide({ ...moved, phaseMs: 29_500 })).toEqual({
      ...{ type: 'wait', forMs: 500, message: 'the new pods serve; the old ones stay for 30.0s' },
    });
    expect(decide({ ...moved, phaseMs: 1000 })).toMatchObject({ forMs: 1000 });
    expect(decide({ ...moved, phaseMs: 30_000 })).toMatchObject({
      action: { type: 'rollout', replicaSet: 'web-b' },
      next: { phase: 'completing' },
    });
    const answer = { revision: 2, answer: 'promote', step: 6 } as const;
    expect(decide({ ...moved, deployment: { ...deployment, answer } })).toMatchObject({
      next: { phase: 'completing' },
    });
  });

  it('is somebody else’s change when it has others', () => {
    expect(decide({ ...moved, pin: 'a' })).toMatchObject({
      type: 'rollBack',
      reason: 'somebody changed the selector of Service web during the release',
    });
  });

  it('is let go, with the Deployment', () => {
    const completing = { ...moved, state: { ...state, phase: 'completing' as const } };
    expect(written(decide(completing))).toMatchObject({
      rollout: { paused: false, maxSurge: '100%' },
      replicaSet: 'web-b',
      phase: 'completing',
    });
    const alone = {
      ...resting,
      fields: before,
      live: { ...fresh, wanted: 4 },
      sets: [{ ...fresh, wanted: 4 }],
    };
    expect(
      decide({
        ...completing,
        deployment: { ...alone, fields: { ...before, paused: false, maxSurge: '100%' } },
      }),
    ).toMatchObject({
      action: { type: 'selectPods', selector: { app: 'web' } },
    });
  });
});

describe('a router that does not say when it is in force', () => {
  const slow = { settleMs: 5000 };
  const moved = {
    state: at('switched', { step: 5, aim: { weight: 100, next: 5 } }),
    ...{ deployment: restingWith({ fresh: 4 }), pin: 'b', active: { b: 4 }, preview: { b: 4 } },
  };

  it('is given time for each share', () => {
    expect(decide({ state: at('routing'), router: slow, phaseMs: 1000 })).toEqual({
      ...{ type: 'wait', forMs: 4000, message: 'HTTPRoute web is about to be in force' },
    });
    expect(decide({ state: at('routing'), router: slow, phaseMs: 5000 })).toMatchObject({
      next: { phase: 'stepping' },
    });
  });

  it('is given time before the old pods go, whatever scaleDownDelay says', () => {
    const quick = { ...settings, traffic: { httpRoute: { name: 'web' }, scaleDownDelay: '0s' } };
    const router = { ...slow, share: 'absent' as const };
    expect(decide({ ...moved, router, settings: quick, phaseMs: 2000 })).toEqual({
      ...{ type: 'wait', forMs: 3000, message: 'HTTPRoute web is about to be in force' },
    });
    expect(decide({ ...moved, router, settings: quick, phaseMs: 5000 })).toMatchObject({
      next: { phase: 'completing' },
    });
  });

  it('is given time before the new pods go', () => {
    const router = { ...slow, share: 'absent' as const };
    expect(decide({ state: at('unrouted'), router, phaseMs: 4000 })).toMatchObject({
      type: 'wait',
      forMs: 1000,
    });
  });
});

describe('new pods whose Deployment is let go', () => {
  it('may have no mark any more, and are let go though the route is gone', () => {
    const state = at('completing', { step: 5 });
    const { mark: _, ...unmarked } = restingWith({ fresh: 4 });
    const alone = { ...unmarked, fields: before, sets: [unmarked.live!] };
    expect(decide({ state, deployment: alone, pin: 'b', active: { b: 4 }, router: 'none' })).toMatchObject({
      action: { type: 'selectPods', selector: { app: 'web' } },
    });
  });
});
