import type { Clock } from '../../../ports/clock.ts';
import { pause } from './pause.ts';

/** The machine's own clock, for adapters that are given no other. */
export const machineClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, { signal }) => pause(ms, signal),
};
