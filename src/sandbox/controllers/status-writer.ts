import { sameJson } from '../../base/same-json.ts';
import type { Objects, StoredObject } from '../store/objects.ts';
import { keyOf } from './ownership.ts';

/** Writes an object's status unless it is what is stored already; returns whether it wrote. */
export function writeStatus(objects: Objects, object: StoredObject, status: object): boolean {
  if (sameJson(object.status ?? {}, status)) return false;
  const change = (stored: StoredObject): void => {
    if (stored.metadata.uid === object.metadata.uid) stored.status = status;
  };
  return objects.modify(keyOf(object), change, 'status') !== undefined;
}
