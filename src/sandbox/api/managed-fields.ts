import { isFields } from '../../base/fields.ts';
import { readFieldsV1, writeFieldsV1 } from '../../base/fields-v1.ts';
import { scalarText } from '../kinds/fields.ts';
import type { StoredObject } from '../store/objects.ts';
import type { FieldSet } from './field-set.ts';
import { compareFields, fieldValues, without } from './field-set.ts';

/** Who writes. */
export interface Writer {
  manager: string;
  apiVersion: string;
  subresource: string;
  time: string;
}

/** One entry of `metadata.managedFields`: who set which fields, how. */
export interface FieldManager extends Writer {
  operation: 'Apply' | 'Update';
  fields: FieldSet;
}

/** `metadata.managedFields`, read. */
export function managersOf({ metadata }: StoredObject): FieldManager[] {
  const entries = (metadata.managedFields ?? []).filter(isFields);
  return entries
    .filter(({ fieldsV1 }) => isFields(fieldsV1))
    .map((entry) => ({
      manager: scalarText(entry['manager']),
      operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update',
      apiVersion: scalarText(entry['apiVersion']),
      time: scalarText(entry['time']),
      subresource: scalarText(entry['subresource']),
      fields: readFieldsV1(entry['fieldsV1']),
    }));
}

/** Writes `metadata.managedFields`: Apply entries first, then by time, as the real API server sorts them. */
export function setManagers({ metadata }: StoredObject, managers: readonly FieldManager[]): void {
  const rank = (entry: FieldManager): string => `${entry.operation}${entry.time}${entry.manager}`;
  const entries = managers
    .filter((entry) => entry.fields.size > 0)
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
    .map(({ manager, operation, apiVersion, time, fields, subresource }) => ({
      ...{ manager, operation, apiVersion },
      ...(time === '' ? {} : { time }),
      ...{ fieldsType: 'FieldsV1', fieldsV1: writeFieldsV1(fields) },
      ...(subresource === '' ? {} : { subresource }),
    }));
  if (entries.length === 0) delete metadata.managedFields;
  else metadata.managedFields = entries;
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

/** A client drops all entries by writing an empty list, or one empty entry. */
function isReset(entries: unknown[] | undefined): boolean {
  const [first, ...more] = entries ?? [{ manager: '' }];
  return more.length === 0 && (first === undefined || (isFields(first) && Object.keys(first).length === 0));
}

/** A client may write who owns what; what says nothing of it leaves it as it was. */
function givenManagers(
  before: StoredObject | undefined,
  after: StoredObject,
  { subresource }: Writer,
): FieldManager[] {
  if (before === undefined) return managersOf(after);
  const given = subresource === '' ? managersOf(after) : [];
  return given.length > 0 ? given : managersOf(before);
}

/**
 * Tracks an ordinary write (create, update, patch): what `writer` added or changed is now its own and
 * no longer that of others, what it removed has no owner any more. Changes `after.metadata.managedFields`.
 */
export function trackUpdate(
  before: StoredObject | undefined,
  after: StoredObject,
  writer: Writer,
  isBuiltIn: boolean,
): void {
  const { added, modified, removed } = compareFields(
    fieldValues(before ?? {}, isBuiltIn),
    fieldValues(after, isBuiltIn),
  );
  if (isReset(after.metadata.managedFields)) {
    delete after.metadata.managedFields;
    return;
  }
  const managers = givenManagers(before, after, writer);
  const changed: FieldSet = new Set([...added, ...modified]);
  if (changed.size === 0 && removed.size === 0) {
    setManagers(after, managers);
    return;
  }
  const own = managers.find((entry) => isEntryOf(entry, writer, 'Update'));
  const others = managers.filter((entry) => entry !== own);
  const fields = new Set([...without(own?.fields ?? new Set(), removed), ...changed]);
  setManagers(after, [
    ...others.map((entry) => ({ ...entry, fields: without(entry.fields, changed, removed) })),
    { ...writer, operation: 'Update', fields },
  ]);
}
