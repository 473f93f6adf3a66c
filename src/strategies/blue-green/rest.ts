import type { Holding } from '../holding.ts';
import type { Rest } from '../strategy.ts';
import type { BlueGreenState } from './state.ts';
import { hasAllTraffic, isMoved, isServable, pinOf } from '../pinned/pin.ts';

/** Whether a blue/green release may stand still: all traffic is that of one group, and both groups are there. */
export function restOf({ phase, hold }: BlueGreenState, holding: Holding): Rest | undefined {
  const { deployment, active } = holding;
  const candidate = hold?.candidate;
  if (deployment?.fields.paused !== true || candidate === undefined) return undefined;
  switch (phase) {
    case 'previewing':
      return isServable(holding, candidate) && !isMoved(active, candidate) ? 'before' : undefined;
    case 'measuring':
    case 'waiting':
      return isMoved(active, candidate) ? undefined : 'before';
    case 'switched':
      return pinOf(active) === candidate && hasAllTraffic(active, candidate) ? 'moved' : undefined;
    default:
      return undefined;
  }
}
