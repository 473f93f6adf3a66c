import { sameJson } from '../../base/same-json.ts';
import { parseApiVersion } from '../kinds/kind.ts';
import type { ObjectKey, Objects, StoredObject } from '../store/objects.ts';
import type { EventRecorder, RecordedEvent } from './events.ts';
import type { Action, Plan } from './plan.ts';

/**
 * Does what a plan for `owner` says. Throws what an action throws, after telling it (a pod that cannot be made is a
 * FailedCreate event).
 */
export function carryOut(
  { objects, events }: { objects: Objects; events: EventRecorder },
  owner: StoredObject,
  { actions = [], status, failed }: Plan,
  component?: string,
): void {
  try {
    for (const action of actions) perform(action);
  } catch (error) {
    if (failed !== undefined) writeStatus(failed(asError(error)));
    throw error;
  }
  if (status !== undefined) writeStatus(status);

  function writeStatus(next: object): void {
    if (sameJson(owner.status ?? {}, next)) return;
    const change = (stored: StoredObject): void => {
      if (stored.metadata.uid === owner.metadata.uid) stored.status = next;
    };
    objects.modify(keyOf(owner), change, 'status');
  }

  function perform(action: Action): void {
    switch (action.act) {
      case 'create':
        create(action.object);
        break;
      case 'change':
        objects.modify(keyOf(action.object), (stored) => action.change(stored));
        break;
      case 'delete': {
        const { object, propagation } = action;
        const { uid, name } = object.metadata;
        if (!objects.delete(keyOf(object), { propagation, preconditions: { uid } })) break;
        if (object.kind === 'Pod') tellOfPod('delete', name);
        break;
      }
      case 'tell':
        tell(action.event);
    }
  }

  function create(object: Parameters<Objects['create']>[0]): void {
    try {
      const { metadata } = objects.create(object);
      if (object.kind === 'Pod') tellOfPod('create', metadata.name);
    } catch (error) {
      const message = `Error creating: ${asError(error).message}`;
      if (object.kind === 'Pod') tell({ type: 'Warning', reason: 'FailedCreate', message });
      throw error;
    }
  }

  function tellOfPod(verb: 'create' | 'delete', pod: string): void {
    const [reason, past] =
      verb === 'create' ? ['SuccessfulCreate', 'Created'] : ['SuccessfulDelete', 'Deleted'];
    const message =
      owner.kind === 'StatefulSet'
        ? `${verb} Pod ${pod} in StatefulSet ${owner.metadata.name} successful`
        : `${past} pod: ${pod}`;
    tell({ type: 'Normal', reason, message });
  }

  function tell(event: Omit<RecordedEvent, 'component'>): void {
    if (component !== undefined) events.record(owner, { ...event, component });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function keyOf({ apiVersion, kind, metadata }: StoredObject): ObjectKey {
  const { namespace, name } = metadata;
  const { group } = parseApiVersion(apiVersion);
  return { kind, group, name, ...(namespace === undefined ? {} : { namespace }) };
}
