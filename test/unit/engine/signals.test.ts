import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { reasonOf, startDeadline, unlessAborted } from '../../../src/engine/signals.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const { signal } = new AbortController();
const reason = () => new Error('too late');

describe('a deadline', () => {
  it('aborts when its time is up, and not before', async () => {
    const clock = new VirtualClock();
    const deadline = startDeadline(clock, { ms: 1000, reason });

    await clock.sleep(999, { signal });
    const before = deadline.signal.aborted;
    await clock.sleep(2, { signal });

    expect(before).toBe(false);
    expect(deadline.signal.reason).toEqual(reason());
  });

  it('never aborts once it is cleared, and leaves no timer', async () => {
    const clock = new VirtualClock();
    const deadline = startDeadline(clock, { ms: 1000, reason });

    deadline.clear();
    const { sleeping } = clock;
    await clock.sleep(5000, { signal });

    expect(sleeping).toBe(0);
    expect(deadline.signal.aborted).toBe(false);
  });

  it('follows its parents, and has no timer without a time', () => {
    const clock = new VirtualClock();
    const parent = new AbortController();
    const deadline = startDeadline(clock, { reason, parents: [parent.signal] });

    parent.abort(new Error('stopped'));

    expect(clock.sleeping).toBe(0);
    expect(deadline.signal.reason).toEqual(new Error('stopped'));
  });
});

describe('waiting unless a signal is aborted', () => {
  it('gives the result, and leaves no listener behind', async () => {
    const controller = new AbortController();

    await expect(unlessAborted(Promise.resolve(7), controller.signal)).resolves.toBe(7);
    await expect(unlessAborted(Promise.reject(reason()), controller.signal)).rejects.toThrow('too late');

    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('ends with the reason as soon as it is aborted, whatever the promise does then', async () => {
    const controller = new AbortController();
    const work = Promise.withResolvers<never>();
    const waiting = unlessAborted(work.promise, controller.signal);

    controller.abort(new Error('stopped'));

    await expect(waiting).rejects.toThrow('stopped');
    work.reject(new Error('failed later'));
    const failed = Promise.reject(new Error('failed before'));
    await expect(unlessAborted(failed, controller.signal)).rejects.toThrow('stopped');
    await new Promise(setImmediate); // an error that nobody handles would fail the test
  });

  it('takes any reason for an error', () => {
    const error = new Error('stopped');

    expect(reasonOf(AbortSignal.abort(error))).toBe(error);
    expect(reasonOf(AbortSignal.abort('enough'))).toEqual(new Error('enough'));
  });
});
