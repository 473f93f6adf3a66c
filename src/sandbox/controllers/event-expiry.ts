import type { StoredObject } from '../store/objects.ts';
import { remove, type Plan, type World } from './plan.ts';

/** As the API server's --event-ttl. */
const eventLifeMs = 3_600_000;

/** Removes an Event an hour after it was last seen. */
export function planEvent(event: StoredObject & { lastTimestamp?: string | null }, { nowMs }: World): Plan {
  const seen = Date.parse(event.lastTimestamp ?? event.metadata.creationTimestamp);
  const againInMs = seen + eventLifeMs - nowMs;
  return againInMs > 0 ? { againInMs } : { actions: [remove(event)] };
}
