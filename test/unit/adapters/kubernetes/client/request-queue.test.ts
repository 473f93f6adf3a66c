import { describe, expect, it } from '@jest/globals';
import { RequestQueue } from '../../../../../src/adapters/kubernetes/client/request-queue.ts';

const { signal } = new AbortController();

describe('the queue of requests', () => {
  it('lets urgent requests go before all that wait', async () => {
    const queue = new RequestQueue({ concurrency: 1, reserved: 0, perSecond: 1000, burst: 1000 });
    const order: string[] = [];
    const enter = async (name: string, priority: 'urgent' | 'normal') => {
      const leave = await queue.enter(priority, signal);
      order.push(name);
      return leave;
    };
    const first = await enter('first', 'normal');

    const waiting = [enter('second', 'normal'), enter('cancel', 'urgent')];
    first();
    (await waiting[1]!)();
    (await waiting[0]!)();

    expect(order).toEqual(['first', 'cancel', 'second']);
  });

  it('keeps room for urgent requests when normal ones fill it', async () => {
    const queue = new RequestQueue({ concurrency: 2, reserved: 1, perSecond: 1000, burst: 1000 });
    await queue.enter('normal', signal);
    const blocked = queue.enter('normal', signal).then(() => 'entered');

    const urgent = await queue.enter('urgent', signal);

    expect(urgent).toBeInstanceOf(Function);
    await expect(Promise.race([blocked, Promise.resolve('waits')])).resolves.toBe('waits');
  });

  it('spreads more requests than the burst over time', async () => {
    const queue = new RequestQueue({ concurrency: 100, reserved: 0, perSecond: 100, burst: 2 });
    const startedAt = performance.now();

    for (let count = 0; count < 5; count += 1) (await queue.enter('normal', signal))();

    expect(performance.now() - startedAt).toBeGreaterThan(20); // three more than the burst: 30 ms
    queue.stop();
  });

  it('lets a request leave the line when it is aborted', async () => {
    const queue = new RequestQueue({ concurrency: 1, reserved: 0, perSecond: 1000, burst: 1000 });
    const leave = await queue.enter('normal', signal);
    const impatient = new AbortController();
    const waiting = queue.enter('normal', impatient.signal);

    impatient.abort(new Error('enough'));

    await expect(waiting).rejects.toThrow('enough');
    leave();
    await expect(queue.enter('normal', signal)).resolves.toBeInstanceOf(Function);
  });
});
