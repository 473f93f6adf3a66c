import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Passes bytes both ways until both sides have ended; a side that breaks breaks the other. */
export function join(left: Duplex, right: Duplex): void {
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    from.pipe(to);
    from.once('error', () => breakOff(to));
    from.once('close', () => {
      if (!from.readableEnded) to.destroy();
    });
  }
}

/** A reset where there is one: a unix socket knows none, and throws. */
export function breakOff(side: Duplex | Socket): void {
  if ('remotePort' in side && side.remotePort !== undefined) side.resetAndDestroy();
  else side.destroy();
}
