import { describe, expect, it } from '@jest/globals';
import { canary } from '../../../../src/strategies/canary/canary.ts';
import { at, decide, fresh, resting, restingWith, settings, starting } from './scene.ts';

const all = { weight: 100, next: 5 };

describe('a canary release by a router that cannot continue', () => {
  it.each<[string, Parameters<typeof decide>[0], string]>([
    [
      'a person',
      { state: at('waiting'), deployment: { ...resting, answer: { revision: 2, answer: 'abort' } } },
      'aborted by a person',
    ],
    [
      'other weights in a pause',
      { state: at('waiting'), router: { share: 30 } },
      'somebody changed the backends of HTTPRoute web during the release',
    ],
    [
      'other weights between steps',
      { state: at('stepping'), router: { share: 'absent' } },
      'somebody changed the backends of HTTPRoute web during the release',
    ],
    [
      'other weights right after the write',
      { state: at('routing'), router: { share: 'mixed' } },
      'somebody changed the backends of HTTPRoute web during the release',
    ],
    [
      'other weights in an analysis',
      { state: at('measuring'), router: { share: 30 } },
      'somebody changed the backends of HTTPRoute web during the release',
    ],
    [
      'the route is gone',
      { state: at('waiting'), router: 'none' },
      'somebody deleted HTTPRoute web during the release',
    ],
    [
      'the Service is unpinned',
      { state: at('waiting'), pin: undefined },
      'somebody changed the selector of Service web during the release',
    ],
    [
      'the Service is pinned to others',
      { state: at('starting'), deployment: starting, pin: 'c' },
      'somebody changed the selector of Service web during the release',
    ],
    [
      'no new pod is ready',
      { state: at('waiting'), deployment: restingWith({ ready: 0 }) },
      'no new pod of Deployment web is ready any more',
    ],
    [
      'the Deployment is resumed',
      { state: at('waiting'), deployment: starting },
      'somebody resumed Deployment web during the release',
    ],
  ])('is rolled back: %s', (_, situation, reason) => {
    expect(decide(situation)).toEqual({ type: 'rollBack', reason });
    if (reason !== 'aborted by a person')
      expect(decide({ ...situation, release: { rollback: 'never' } })).toEqual({
        type: 'halt',
        reason: `${reason} (rollback: never)`,
      });
  });

  it('continues with weights that it has not written yet, or whose answer was lost', () => {
    expect(decide({ state: at('starting'), deployment: starting, router: { share: 5 } }).type).toBe('act');
    expect(decide({ state: at('previewing'), router: { share: 'absent' }, phaseMs: 2000 }).type).toBe('act');
    // The Service has moved, and nobody could save it.
    expect(
      decide({
        state: at('stepping', { step: 5, aim: all }),
        deployment: restingWith({ fresh: 4 }),
        router: { share: 100 },
        preview: { b: 4 },
        pin: 'b',
        active: { b: 4 },
      }),
    ).toMatchObject({
      next: { phase: 'switched' },
    });
  });

  it('has no pods that must be ready while they have no traffic', () => {
    const none = { ...starting, live: { ...fresh, ready: 0 } };
    expect(decide({ state: at('starting'), deployment: none, router: { share: 'absent' } }).type).toBe(
      'wait',
    );
    expect(decide({ state: at('starting'), deployment: none, router: { share: 0 } }).type).toBe('wait');
    expect(decide({ state: at('starting'), deployment: none }).type).toBe('rollBack');
  });

  it('is waited for while its controller has not seen the Deployment, in a pause without an end', () => {
    const unseen = { ...resting, isObserved: false };
    expect(decide({ state: at('routing'), deployment: unseen, phaseMs: 60_000 }).type).toBe('rollBack');
    expect(decide({ state: at('waiting'), deployment: unseen, phaseMs: 60_000 })).toMatchObject({
      type: 'wait',
      forMs: 2000,
    });
    expect(decide({ state: at('measuring'), deployment: unseen, phaseMs: 60_000 })).toMatchObject({
      type: 'wait',
    });
  });

  it('is waited for while nothing is seen of the Service', () => {
    const { phase } = at('waiting');
    const decision = canary.decide({
      release: { revision: 2, stable: 1, rollback: 'auto', timeoutMs: 60_000, generations: {} },
      ...{ settings, state: { phase }, phaseMs: 0 },
      observed: {
        ...{ type: 'seen', workloads: [] },
        holding: { manifest: { deployment: resting.reference, replicas: 4, fields: {} } },
      },
    });
    expect(decision).toEqual({
      type: 'wait',
      forMs: 2000,
      message: 'the cluster does not answer: nothing seen of the Service',
    });
  });
});
