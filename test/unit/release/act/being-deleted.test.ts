import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { BeingDeletedError, isBeingDeleted, untilGone } from '../../../../src/release/act/being-deleted.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };
const object: KubernetesObject = {
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web', namespace: 'shop' } },
};
const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'web', namespace: 'shop' };

/** A clock that calls `onSleep` with the time of each pause; no more than a thousand of them. */
function clockThat(onSleep: (atMs: number) => void) {
  let nowMs = 5000;
  let pauses = 0;
  return {
    now: () => 0,
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => {
      pauses += 1;
      if (pauses > 1000) throw new Error('it waits without end');
      nowMs += ms;
      onSleep(nowMs - 5000);
    },
  };
}

describe('an object that is being deleted', () => {
  it('has a time of its deletion', () => {
    const metadata = { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };

    expect(isBeingDeleted({ ...object, metadata })).toBe(true);
    expect(isBeingDeleted(object)).toBe(false);
  });

  it('says what holds it', () => {
    const finalizers = ['a.example.com', 'b.example.com'];
    const held = { ...object, metadata: { ...object.metadata, finalizers } };

    expect(new BeingDeletedError(object)).toMatchObject({
      code: 'being-deleted',
      fault: 'failure',
      message: 'ConfigMap shop/web: it is being deleted; what is applied to it would go with it',
      hint: expect.stringMatching(/^release again when it is gone/),
    });
    expect(new BeingDeletedError(held).message).toContain(
      'it is being deleted and held by its finalizers (a.example.com, b.example.com); what',
    );
  });

  it('is waited for until it is gone', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(object);
    const pauses: number[] = [];
    const clock = clockThat((atMs) => {
      pauses.push(atMs);
      if (atMs === 1500) cluster.drop(reference);
    });

    await untilGone(seen, { cluster, clock }, options);

    expect(pauses).toEqual([500, 1000, 1500]);
  });

  it('is gone when another one has its name', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(object);
    const pauses: number[] = [];
    const clock = clockThat((atMs) => {
      pauses.push(atMs);
      cluster.drop(reference);
      cluster.put(object);
    });

    await untilGone(seen, { cluster, clock }, options);

    expect(pauses).toEqual([500]);
  });

  it('is waited for for a minute', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(object);
    const pauses: number[] = [];
    const clock = clockThat((atMs) => pauses.push(atMs));

    await expect(untilGone(seen, { cluster, clock }, options)).rejects.toThrow(BeingDeletedError);

    expect(pauses.at(-1)).toBe(60_000);
  });
});
