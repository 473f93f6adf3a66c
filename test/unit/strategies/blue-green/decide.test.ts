import { describe, expect, it } from '@jest/globals';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import { decideBlueGreen } from '../../../../src/strategies/blue-green/decide.ts';
import type { BlueGreenState } from '../../../../src/strategies/blue-green/state.ts';
import type { Holding, SeenDeployment } from '../../../../src/strategies/holding.ts';

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' };
const service = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' };
const before = { maxSurge: 1, maxUnavailable: 0 };
const stable = { name: 'web-a', hash: 'a', wanted: 2, present: 2, ready: 2 };
const candidate = { name: 'web-b', hash: 'b', wanted: 2, present: 2, ready: 2 };
const mark = { revision: 2, step: 'all new pods are ready', since: '2026-01-01T00:00:00Z', end: '', before };
const hold = { stable: 'a', candidate: 'b', before, selector: { app: 'web' } };

const resting: SeenDeployment = {
  ...{ reference, resourceVersion: '7', isObserved: true, desired: 2, mark },
  ...{ fields: { ...heldFields, paused: true }, live: candidate, sets: [stable, candidate] },
};

function seen(deployment: SeenDeployment, pin: string | undefined, endpoints = { [pin ?? '']: 2 }): Holding {
  const pinOf = (hash: string | undefined) => ({
    app: 'web',
    ...(hash === undefined ? {} : { 'pod-template-hash': hash }),
  });
  return {
    deployment,
    active: { reference: service, resourceVersion: '8', selector: pinOf(pin), endpoints },
    preview: {
      reference: { ...service, name: 'web-preview' },
      resourceVersion: '9',
      selector: pinOf('b'),
      endpoints: { b: 2 },
    },
    manifest: { deployment: reference, replicas: 2, fields: before, service, selector: { app: 'web' } },
    previewName: 'web-preview',
    isPreviewTaken: false,
  };
}

function decide(phase: BlueGreenState['phase'], holding: Holding, phaseMs = 0) {
  const release = { revision: 2, stable: 1, rollback: 'auto', timeoutMs: 60_000, generations: {} } as const;
  const observed = { type: 'seen', workloads: [], holding } as const;
  return decideBlueGreen({ release, settings: {}, state: { phase, hold }, observed, phaseMs });
}

describe('a blue/green decision', () => {
  it('moves the traffic when all new pods are ready and endpoints, for the Service as it was seen', () => {
    expect(decide('previewing', seen(resting, 'a'))).toMatchObject({
      action: {
        type: 'selectPods',
        resourceVersion: '8',
        selector: { app: 'web', 'pod-template-hash': 'b' },
        revision: 2,
      },
      next: { phase: 'switched' },
    });
  });

  it('completes what an earlier release has left also where somebody has given it a template without a ReplicaSet', () => {
    const { live: _, ...changed } = resting;

    expect(decide('comparing', seen(changed, 'a'))).toMatchObject({
      action: { type: 'rollout', replicaSet: 'web-a', fields: { paused: false } },
    });
  });

  it.each(['starting', 'previewing', 'waiting'] as const)(
    'goes back when somebody has changed the selector while it is %s',
    (phase) => {
      const message = 'somebody changed the selector of Service web during the release';
      for (const pin of [undefined, 'c'])
        expect(decide(phase, seen(resting, pin))).toEqual({ type: 'rollBack', reason: message });
      // The release has moved it, and the answer was lost.
      expect(decide(phase, seen(resting, 'b'))).toMatchObject({
        action: { type: 'selectPods', selector: { 'pod-template-hash': 'b' } },
        next: { phase: 'switched' },
      });
    },
  );

  it('does not move it while a new pod is not ready', () => {
    const live = { ...candidate, ready: 1 };

    expect(decide('previewing', seen({ ...resting, live }, 'a')).type).toBe('wait');
  });

  it('takes the traffic back only to as many old pods as there shall be', () => {
    const fewer = { ...resting, sets: [{ ...stable, ready: 1 }, candidate] };

    expect(decide('undoing', seen(resting, 'b'))).toMatchObject({
      action: { type: 'selectPods', selector: { 'pod-template-hash': 'a' }, revision: 1 },
    });
    expect(decide('undoing', seen(fewer, 'b')).type).toBe('wait');
    expect(decide('undoing', seen(fewer, 'b'), 20_000)).toMatchObject({
      type: 'halt',
      reason: expect.stringMatching(/stays there, as only 1 of 2 old pods are ready/),
    });
  });

  it('lets both serve when the old pods are on their way out already', () => {
    const going = { ...resting, fields: { maxSurge: '100%', maxUnavailable: 0 } };

    expect(decide('undoing', seen(going, 'b'))).toMatchObject({
      action: { type: 'selectPods', selector: { app: 'web' } },
    });
  });

  it('takes the mark that it has itself taken off for no foreign change', () => {
    const { mark: _, ...own } = { ...resting, fields: before, sets: [candidate] };

    expect(decide('completing', seen(own, undefined, { b: 2 }))).toMatchObject({
      action: { type: 'removePreview' },
      next: { phase: 'completing', isPreviewRemoved: true },
    });
  });
});
