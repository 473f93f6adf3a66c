import { randomBytes, randomUUID } from 'node:crypto';
import { sameJson } from '../../base/same-json.ts';
import type { StatusCause } from '../api/status-error.ts';
import { forbidden, invalid, notFound } from '../api/status-error.ts';
import { fillDefaults, initialStatus } from '../kinds/defaults.ts';
import type { Fields } from '../../base/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import { subjectOf } from '../kinds/kind.ts';
import { validate, validateUpdate } from '../kinds/validate.ts';
import type { NewObject, StoredObject } from './objects.ts';
import { timestamp } from './timestamp.ts';

/** Gives an object what the API server allocates; returns what it asks for and cannot have. */
type Allocate = (object: StoredObject, stored?: StoredObject) => StatusCause[];

/** The five letters and digits that end a generated name; without vowels and look-alikes, as Kubernetes has them. */
function randomSuffix(): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  return [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join('');
}

/** Whether the fields are known, so that they have defaults and rules. */
const isBuiltIn = (kind: Kind): boolean => kind.model !== undefined;

/**
 * A new object as it will be stored: named, defaulted, validated.
 * @throws StatusError Invalid.
 */
export function prepareForCreate(request: {
  kind: Kind;
  given: NewObject;
  now: Date;
  allocate: Allocate;
}): StoredObject {
  const { kind, now } = request;
  const object = structuredClone(request.given) as StoredObject;
  const metadata = object.metadata;
  if (!metadata.name && metadata.generateName)
    metadata.name = `${metadata.generateName.slice(0, 58)}${randomSuffix()}`;
  if (kind.namespaced) metadata.namespace ??= 'default';
  else delete metadata.namespace;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(now.getTime());
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (kind.hasGeneration) metadata.generation = 1;
  else delete metadata.generation;
  if (isBuiltIn(kind)) fillDefaults(kind.kind, object);
  const refused = request.allocate(object);
  if (kind.subresources.includes('status')) {
    const status = isBuiltIn(kind) ? initialStatus(kind.kind, object) : {};
    if (kind.isCustom && Object.keys(status).length === 0) delete object.status;
    else object.status = status;
  }
  const causes = [...validate(kind, object), ...refused];
  if (causes.length > 0) throw invalid(subjectOf(kind), metadata.name, causes);
  return object;
}

/** 404 for a namespace that is not there, 403 for one that is being deleted. */
export function refuseInDyingNamespace(
  kind: Kind,
  object: StoredObject,
  namespaceOf: (name: string) => StoredObject | undefined,
): void {
  const name = object.metadata.namespace;
  if (!kind.namespaced || name === undefined) return;
  const namespace = namespaceOf(name);
  if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces', kind: 'Namespace' }, name);
  if (namespace.metadata.deletionTimestamp !== undefined) {
    throw forbidden(
      subjectOf(kind),
      object.metadata.name,
      `unable to create new content in namespace ${name} because it is being terminated`,
    );
  }
}

/** Empty maps and lists are not stored, as Go's encoding leaves them out. */
function dropEmpty(parent: Fields, names: readonly string[]): void {
  for (const name of names) {
    const value = parent[name];
    if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) {
      Reflect.deleteProperty(parent, name);
    }
  }
}

/** What a write may not change is taken from the stored object. */
function keepMetadata(kind: Kind, next: StoredObject, stored: StoredObject): void {
  const { metadata } = next;
  const kept = stored.metadata;
  metadata.uid = kept.uid;
  metadata.creationTimestamp = kept.creationTimestamp;
  metadata.resourceVersion = kept.resourceVersion;
  if (kind.namespaced && kept.namespace !== undefined) metadata.namespace = kept.namespace;
  const optional = ['generation', 'generateName', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;
  for (const name of optional) {
    if (kept[name] === undefined) Reflect.deleteProperty(metadata, name);
    else Object.assign(metadata, { [name]: kept[name] });
  }
  dropEmpty(metadata as unknown as Fields, ['labels', 'annotations', 'finalizers', 'ownerReferences']);
}

/** Whether the desired state differs: the spec of built-in kinds, everything but metadata and status of others. */
function isSpecChanged(kind: Kind, next: StoredObject, stored: StoredObject): boolean {
  if (isBuiltIn(kind)) return !sameJson(next.spec, stored.spec);
  const rest = ({ metadata: _metadata, status: _status, ...fields }: StoredObject): Fields => fields;
  return !sameJson(rest(next), rest(stored));
}

/**
 * The object as it will be stored by an update of `part`, or undefined when nothing changes; it shares parts with what
 * is stored, and takes over `object`.
 * @throws StatusError Invalid.
 */
export function prepareForUpdate(request: {
  kind: Kind;
  object: StoredObject;
  stored: StoredObject;
  part: 'spec' | 'status' | 'all';
  allocate: Allocate;
}): StoredObject | undefined {
  const { kind, object, stored, part } = request;
  const { managedFields = stored.metadata.managedFields } = object.metadata;
  const next: StoredObject =
    part === 'status'
      ? { ...stored, metadata: { ...stored.metadata }, status: object.status }
      : { ...object, metadata: { ...object.metadata } };
  if (part === 'status' && managedFields !== undefined) next.metadata.managedFields = managedFields;
  if (part === 'spec' && kind.subresources.includes('status')) {
    if (stored.status === undefined) delete next.status;
    else next.status = stored.status;
  }
  keepMetadata(kind, next, stored);
  if (part !== 'status') {
    if (isBuiltIn(kind)) fillDefaults(kind.kind, next);
    const refused = request.allocate(next, stored);
    const causes = [...validateUpdate(kind, next, stored), ...refused];
    if (causes.length > 0) throw invalid(subjectOf(kind), stored.metadata.name, causes);
  }
  if (sameJson(next, stored)) return undefined;
  if (kind.hasGeneration && isSpecChanged(kind, next, stored)) {
    next.metadata.generation = (stored.metadata.generation ?? 0) + 1;
  }
  return next;
}
