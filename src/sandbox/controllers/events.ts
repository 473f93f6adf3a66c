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
const REMEMBERED = 4096;

/** An {@link EventRecorder} on the store. An event that cannot be written (its namespace is going away) is dropped, as the real recorder does. */
export function createEventRecorder(objects: Objects, now: () => number): EventRecorder {
  const names = new Map<string, string>();
  let sequence = 0;

  function record(about: StoredObject, event: RecordedEvent): void {
    const namespace = about.metadata.namespace ?? 'default';
    const at = timestamp(now());
    const key = [about.metadata.uid, event.component, event.type, event.reason, event.message].join('\0');
    const known = names.get(key);
    if (known !== undefined && countAgain(namespace, known, at)) return;
    sequence += 1;
    const name = `${about.metadata.name}.${(now() * 1000 + (sequence % 1000)).toString(16)}`;
    objects.create({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        kind: about.kind,
        ...(about.metadata.namespace === undefined ? {} : { namespace: about.metadata.namespace }),
        name: about.metadata.name,
        uid: about.metadata.uid,
        apiVersion: about.apiVersion,
        resourceVersion: about.metadata.resourceVersion,
      },
      type: event.type,
      reason: event.reason,
      message: event.message,
      source: { component: event.component },
      reportingComponent: event.component,
      reportingInstance: '',
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
      eventTime: null,
    });
    names.set(key, name);
    if (names.size > REMEMBERED) names.delete(names.keys().next().value ?? '');
  }

  function countAgain(namespace: string, name: string, at: string): boolean {
    const change = (event: EventObject): void => {
      event.count = (event.count ?? 1) + 1;
      event.lastTimestamp = at;
    };
    return objects.modify<EventObject>({ kind: 'Event', group: '', namespace, name }, change) !== undefined;
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
