import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { createPrewarmed } from '../../../../src/sandbox/kubelet/prewarmed.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** They are numbered as they are made. */
function numbered() {
  let made = 0;
  const prewarmed = createPrewarmed(() => Promise.resolve((made += 1)));
  return { prewarmed, made: () => made };
}

const calmDown = () => jest.advanceTimersByTimeAsync(1000);

describe('prewarmed', () => {
  it('are not made before the first pod, nor while pods still come', async () => {
    const { prewarmed, made } = numbered();
    await calmDown();
    expect(made()).toBe(0);

    await prewarmed.take();
    await jest.advanceTimersByTimeAsync(900);
    await prewarmed.take();
    await jest.advanceTimersByTimeAsync(900);

    expect(made()).toBe(2);
  });

  it('are ready for the pods that come after a calm second, as many as have come, in the order they were made', async () => {
    const { prewarmed, made } = numbered();
    await Promise.all([prewarmed.take(), prewarmed.take()]);
    await calmDown();
    expect(made()).toBe(4);

    expect([await prewarmed.take(), await prewarmed.take(), await prewarmed.take()]).toEqual([3, 4, 5]);
    await calmDown();
    expect(made()).toBe(10);
  });

  it('are ten at most', async () => {
    const { prewarmed, made } = numbered();
    for (let pods = 0; pods < 30; pods += 1) await prewarmed.take();
    await calmDown();

    expect(made()).toBe(40);
  });

  it('are no more made after the end', async () => {
    const { prewarmed, made } = numbered();
    await prewarmed.take();
    await calmDown();
    await prewarmed.take();

    expect(prewarmed.close()).toEqual([]);
    await calmDown();
    expect(made()).toBe(2);
  });

  it('that cannot be made are tried again by the pod that needs one, which is told', async () => {
    let works = true;
    const prewarmed = createPrewarmed(() =>
      works ? Promise.resolve('spare') : Promise.reject(new Error('no room')),
    );
    await prewarmed.take();
    works = false;
    await calmDown();

    await expect(prewarmed.take()).rejects.toThrow('no room');
  });
});
