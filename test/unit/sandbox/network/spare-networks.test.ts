import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { createSpareNetworks } from '../../../../src/sandbox/network/spare-networks.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Networks that are numbered as they are made. */
function numbered() {
  let made = 0;
  const networks = createSpareNetworks(() => Promise.resolve((made += 1)));
  return { networks, made: () => made };
}

const calmDown = () => jest.advanceTimersByTimeAsync(1000);

describe('spare networks', () => {
  it('are not made before the first pod, nor while pods still come', async () => {
    const { networks, made } = numbered();
    await calmDown();
    expect(made()).toBe(0);

    await networks.take();
    await jest.advanceTimersByTimeAsync(900);
    await networks.take();
    await jest.advanceTimersByTimeAsync(900);

    expect(made()).toBe(2);
  });

  it('are ready for the pods that come after a calm second, in the order they were made', async () => {
    const { networks, made } = numbered();
    await networks.take();
    await calmDown();
    expect(made()).toBe(11);

    expect([await networks.take(), await networks.take()]).toEqual([2, 3]);
    expect(made()).toBe(11);
    await calmDown();
    expect(made()).toBe(13);
  });

  it('are no more made after the end', async () => {
    const { networks, made } = numbered();
    await networks.take();
    networks.close();
    await calmDown();

    expect(made()).toBe(1);
  });

  it('that cannot be made are tried again by the pod that needs one, which is told', async () => {
    let works = true;
    const networks = createSpareNetworks(() =>
      works ? Promise.resolve('network') : Promise.reject(new Error('no room')),
    );
    await networks.take();
    works = false;
    await calmDown();

    await expect(networks.take()).rejects.toThrow('no room');
  });
});
