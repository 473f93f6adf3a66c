import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { createSpares } from '../../../../src/sandbox/kubelet/spares.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** They are numbered as they are made. */
function numbered() {
  let made = 0;
  const spares = createSpares(() => Promise.resolve((made += 1)));
  return { spares, made: () => made };
}

const calmDown = () => jest.advanceTimersByTimeAsync(1000);

describe('spares', () => {
  it('are not made before the first pod, nor while pods still come', async () => {
    const { spares, made } = numbered();
    await calmDown();
    expect(made()).toBe(0);

    await spares.take();
    await jest.advanceTimersByTimeAsync(900);
    await spares.take();
    await jest.advanceTimersByTimeAsync(900);

    expect(made()).toBe(2);
  });

  it('are ready for the pods that come after a calm second, as many as have come, in the order they were made', async () => {
    const { spares, made } = numbered();
    await Promise.all([spares.take(), spares.take()]);
    await calmDown();
    expect(made()).toBe(4);

    expect([await spares.take(), await spares.take(), await spares.take()]).toEqual([3, 4, 5]);
    await calmDown();
    expect(made()).toBe(10);
  });

  it('are ten at most', async () => {
    const { spares, made } = numbered();
    for (let pods = 0; pods < 30; pods += 1) await spares.take();
    await calmDown();

    expect(made()).toBe(40);
  });

  it('are no more made after the end', async () => {
    const { spares, made } = numbered();
    await spares.take();
    await calmDown();
    await spares.take();

    expect(spares.close()).toEqual([]);
    await calmDown();
    expect(made()).toBe(2);
  });

  it('that cannot be made are tried again by the pod that needs one, which is told', async () => {
    let works = true;
    const spares = createSpares(() =>
      works ? Promise.resolve('spare') : Promise.reject(new Error('no room')),
    );
    await spares.take();
    works = false;
    await calmDown();

    await expect(spares.take()).rejects.toThrow('no room');
  });
});
