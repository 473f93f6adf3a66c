/**
 * Preloaded by `node --import`: the wall clock of the process is wrong by CLOCK_SHIFT_MS milliseconds, as on a machine
 * whose clock was never set. Timers and performance.now() count on as they are.
 */
const shiftMs = Number(process.env['CLOCK_SHIFT_MS'] ?? 0);
const RightDate = Date;

class ShiftedDate extends RightDate {
  constructor(...values: [] | [number | string | Date]) {
    if (values.length === 0) super(RightDate.now() + shiftMs);
    else super(...values);
  }

  static override now(): number {
    return RightDate.now() + shiftMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;

export {};
