import type { Objects, StoredObject } from '../store/objects.ts';
import { timestamp } from '../store/timestamp.ts';

/** Writes Events as the real controllers do: one that repeats is counted, not written again. */
export interface EventRecorder {
  record(about: StoredObject, event: RecordedEvent): void;
}

export interface RecordedEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  /** `source.component`, e.g. `deployment-controller`. */
  component: string;
}

type EventObject = StoredObject & { count?: number; lastTimestamp?: string };

/** Only so many different events are remembered for counting; older ones start anew. */
const mostRemembered = 4096;

/** An {@link EventRecorder} on the store. An event that cannot be written (its namespace is going away) is dropped, as the real recorder does. */
export function createEventRecorder(objects: Objects, now: () => number): EventRecorder {
  const names = new Map<string, string>();
  let sequence = 0;

  function record(about: StoredObject, { component, ...event }: RecordedEvent): void {
    const { name: aboutName, namespace, uid, resourceVersion } = about.metadata;
    const place = { namespace: namespace ?? 'default' };
    const at = timestamp(now());
    const key = [uid, component, event.type, event.reason, event.message].join('\0');
    const counted = { kind: 'Event', group: '', ...place, name: names.get(key) ?? '' };
    const change = (known: EventObject): void => {
      known.count = (known.count ?? 1) + 1;
      known.lastTimestamp = at;
    };
    if (names.has(key) && objects.modify<EventObject>(counted, change) !== undefined) return;
    sequence += 1;
    const name = `${aboutName}.${(now() * 1000 + (sequence % 1000)).toString(16)}`;
    objects.create({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, ...place },
      involvedObject: {
        kind: about.kind,
        ...(namespace === undefined ? {} : place),
        name: aboutName,
        uid,
        apiVersion: about.apiVersion,
        resourceVersion,
      },
      ...event,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
      eventTime: null,
    });
    names.set(key, name);
    if (names.size > mostRemembered) names.delete(names.keys().next().value ?? '');
  }

  return {
    record: (about, event) => {
      try {
        record(about, event);
      } catch {
        // Events are best effort: what they tell of has been done already and must not be done again.
      }
    },
  };
}
