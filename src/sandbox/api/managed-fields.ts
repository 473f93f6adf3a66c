import type { Fields } from '../kinds/fields.ts';
import { isFields, items, scalarText } from '../kinds/fields.ts';
import type { StoredObject } from '../store/objects.ts';
import type { FieldSet } from './field-set.ts';
import { compareFields, fieldValues, parseFieldsV1, toFieldsV1 } from './field-set.ts';

/** One entry of `metadata.managedFields`: who set which fields, how. */
export interface FieldManager {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  time: string;
  fields: FieldSet;
}

/** Who writes now. */
export type Writer = Omit<FieldManager, 'fields' | 'operation'>;

/** `metadata.managedFields`, read. */
export function managersOf(object: StoredObject): FieldManager[] {
  return items(object.metadata as unknown as Fields, 'managedFields').flatMap((entry) => {
    if (!isFields(entry['fieldsV1'])) return [];
    return [
      {
        manager: scalarText(entry['manager']),
        operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update',
        apiVersion: scalarText(entry['apiVersion']),
        time: scalarText(entry['time']),
        subresource: scalarText(entry['subresource']),
        fields: parseFieldsV1(entry['fieldsV1']),
      },
    ];
  });
}

/** Writes `metadata.managedFields`: Apply entries first, then by time, as the real API server sorts them. */
export function setManagers(object: StoredObject, managers: readonly FieldManager[]): void {
  const rank = (entry: FieldManager): string => `${entry.operation}${entry.time}${entry.manager}`;
  const entries = managers
    .filter((entry) => entry.fields.size > 0)
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
    .map(({ manager, operation, apiVersion, time, fields, subresource }) => ({
      manager,
      operation,
      apiVersion,
      ...(time === '' ? {} : { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(fields),
      ...(subresource === '' ? {} : { subresource }),
    }));
  if (entries.length === 0) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries;
}

/** Whether an entry is this writer's with this operation. */
export function isEntryOf(entry: FieldManager, writer: Writer, operation: 'Apply' | 'Update'): boolean {
  return (
    entry.operation === operation &&
    entry.manager === writer.manager &&
    entry.subresource === writer.subresource &&
    (operation === 'Apply' || entry.apiVersion === writer.apiVersion)
  );
}

const without = (fields: FieldSet, ...others: FieldSet[]): FieldSet =>
  new Set([...fields].filter((path) => !others.some((other) => other.has(path))));

/** A client drops all entries by writing an empty list, or one empty entry. */
function isReset(entries: unknown[] | undefined): boolean {
  const [first, ...more] = entries ?? [{ manager: '' }];
  return more.length === 0 && (first === undefined || (isFields(first) && Object.keys(first).length === 0));
}

/**
 * Tracks an ordinary write (create, update, patch): what `writer` added or changed is now its own and nobody
 * else's, what it removed is nobody's. Changes `after.metadata.managedFields`.
 */
export function trackUpdate(
  before: StoredObject | undefined,
  after: StoredObject,
  writer: Writer,
  isBuiltIn: boolean,
): void {
  const old = fieldValues(before ?? {}, isBuiltIn);
  const changes = compareFields(old, fieldValues(after, isBuiltIn));
  if (isReset(after.metadata.managedFields)) {
    delete after.metadata.managedFields;
    return;
  }
  const managers = managersOf(before ?? after);
  const changed: FieldSet = new Set([...changes.added, ...changes.modified]);
  if (changed.size === 0 && changes.removed.size === 0) {
    setManagers(after, managers);
    return;
  }
  const isOwn = (entry: FieldManager): boolean => isEntryOf(entry, writer, 'Update');
  const own = managers.find(isOwn);
  setManagers(after, [
    ...managers
      .filter((entry) => !isOwn(entry))
      .map((entry) => ({ ...entry, fields: without(entry.fields, changed, changes.removed) })),
    {
      ...writer,
      operation: 'Update',
      fields: new Set([...without(own?.fields ?? new Set(), changes.removed), ...changed]),
    },
  ]);
}
