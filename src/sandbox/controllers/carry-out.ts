import { defined } from '../../base/defined.ts';
import { sameJson } from '../../base/same-json.ts';
import { parseApiVersion } from '../kinds/kind.ts';
import type { ObjectKey, Objects, StoredObject } from '../store/objects.ts';
import type { EventRecorder, RecordedEvent } from './events.ts';
import type { Action, Plan } from './plan.ts';

/** Where actions are carried out. */
interface Target {
  objects: Objects;
  events: EventRecorder;
}

/**
 * Does what a plan for `owner` says. Throws what an action throws, after reporting it (a pod that cannot be made is a
 * FailedCreate event).
 */
export function carryOut(
  target: Target,
  owner: StoredObject,
  { actions = [], status, failed }: Plan,
  component?: string,
): void {
  const performer = new Performer(target, owner, component);
  try {
    for (const action of actions) performer.perform(action);
  } catch (error) {
    if (failed !== undefined) performer.writeStatus(failed(asError(error)));
    throw error;
  }
  if (status !== undefined) performer.writeStatus(status);
}

/** Acts for one owner; `component` names the controller in its events, and without it there are none. */
class Performer {
  readonly #objects: Objects;
  readonly #events: EventRecorder;
  readonly #owner: StoredObject;
  readonly #component: string | undefined;

  constructor({ objects, events }: Target, owner: StoredObject, component: string | undefined) {
    this.#objects = objects;
    this.#events = events;
    this.#owner = owner;
    this.#component = component;
  }

  writeStatus(next: object): void {
    const owner = this.#owner;
    if (sameJson(owner.status ?? {}, next)) return;
    const change = (stored: StoredObject): void => {
      if (stored.metadata.uid === owner.metadata.uid) stored.status = next;
    };
    this.#objects.modify(keyOf(owner), change, 'status');
  }

  perform(action: Action): void {
    switch (action.act) {
      case 'create':
        this.#create(action.object);
        break;
      case 'change':
        this.#objects.modify(keyOf(action.object), (stored) => action.change(stored));
        break;
      case 'delete': {
        const { object, propagation } = action;
        const { uid, name } = object.metadata;
        if (!this.#objects.delete(keyOf(object), { propagation, preconditions: { uid } })) break;
        if (object.kind === 'Pod') this.#recordPodEvent('delete', name);
        break;
      }
      case 'event':
        this.#recordEvent(action.event);
    }
  }

  #create(object: Parameters<Objects['create']>[0]): void {
    try {
      const { metadata } = this.#objects.create(object);
      if (object.kind === 'Pod') this.#recordPodEvent('create', metadata.name);
    } catch (error) {
      const message = `Error creating: ${asError(error).message}`;
      if (object.kind === 'Pod') this.#recordEvent({ type: 'Warning', reason: 'FailedCreate', message });
      throw error;
    }
  }

  #recordPodEvent(verb: 'create' | 'delete', pod: string): void {
    const { kind, metadata } = this.#owner;
    const [reason, past] =
      verb === 'create' ? ['SuccessfulCreate', 'Created'] : ['SuccessfulDelete', 'Deleted'];
    const message =
      kind === 'StatefulSet'
        ? `${verb} Pod ${pod} in StatefulSet ${metadata.name} successful`
        : `${past} pod: ${pod}`;
    this.#recordEvent({ type: 'Normal', reason, message });
  }

  #recordEvent(event: Omit<RecordedEvent, 'component'>): void {
    if (this.#component !== undefined)
      this.#events.record(this.#owner, { ...event, component: this.#component });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function keyOf({ apiVersion, kind, metadata }: StoredObject): ObjectKey {
  const { namespace, name } = metadata;
  const { group } = parseApiVersion(apiVersion);
  return { kind, group, name, ...defined({ namespace }) };
}
