import type { StoredObject } from '../store/objects.ts';
import { itself, type Controller, type ControllerContext } from './controller.ts';
import { keyOf } from './ownership.ts';

/** As the API server's --event-ttl. */
const EVENT_LIFE_MS = 3_600_000;

/** Removes Events an hour after they were last seen. */
export function eventExpiryController({ objects, now }: ControllerContext): Controller {
  return {
    name: 'event-expiry',
    watches: { Event: itself },
    reconcile: (target) => {
      const event = objects.get<StoredObject & { lastTimestamp?: string | null }>({
        kind: 'Event',
        group: '',
        ...target,
      });
      if (event === undefined) return undefined;
      const seen = Date.parse(event.lastTimestamp ?? event.metadata.creationTimestamp);
      const left = seen + EVENT_LIFE_MS - now();
      if (left > 0) return left;
      objects.delete(keyOf(event));
      return undefined;
    },
  };
}
