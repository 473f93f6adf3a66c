import { fillDefaults } from '../kinds/defaults.ts';
import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { at, defined, scalarText } from '../kinds/fields.ts';
import { apiVersionOf, subjectOf } from '../kinds/kind.ts';
import { required } from '../kinds/rules.ts';
import { warningsOfIgnoredFields } from '../kinds/unsupported.ts';
import type { DeleteOptions, StoredObject } from '../store/objects.ts';
import { timestamp } from '../store/timestamp.ts';
import { checkAppliedFields, checkFields } from './field-validation.ts';
import type { Writer } from './managed-fields.ts';
import { trackUpdate } from './managed-fields.ts';
import { applyPatch } from './patch.ts';
import { booleanOf, isTrue } from './query-parameters.ts';
import { formOf, present, presentList } from './representation.ts';
import type { Answer, ApiRequest } from './request.ts';
import { findObject, keyOf, objectIn, warn } from './request.ts';
import { parseSelectors } from './selectors.ts';
import { applyConfiguration } from './server-side-apply.ts';
import { badRequest, conflict, invalid, notFound, StatusError, success } from './status-error.ts';

const isBuiltIn = ({ kind }: ApiRequest): boolean => kind.model !== undefined;

/** Who writes: `fieldManager`, or the client's program name. */
function writerOf({ query, headers, kind, subresource = '' }: ApiRequest): Writer {
  const manager = query.get('fieldManager') ?? headers['user-agent']?.split('/')[0] ?? 'unknown';
  return { manager, apiVersion: apiVersionOf(kind), subresource, time: timestamp(Date.now()) };
}

/** The object of a request, whose fields are known: of the kind, namespace and name that the path says. */
function conform(request: ApiRequest, body: Fields): StoredObject {
  const { kind, namespace, name } = request;
  const expected = { apiVersion: apiVersionOf(kind), kind: kind.kind };
  const named = { ...expected, ...body };
  if (named.apiVersion !== expected.apiVersion || named.kind !== expected.kind) {
    throw badRequest(
      `the API version in the data (${scalarText(named.apiVersion)}, Kind=${scalarText(named.kind)}) does not ` +
        `match the expected API version (${expected.apiVersion}, Kind=${expected.kind})`,
    );
  }
  const metadata = body['metadata'] ?? {};
  if (!isFields(metadata)) throw badRequest('metadata is not an object');
  const own = { namespace: scalarText(metadata['namespace']), name: scalarText(metadata['name']) };
  if (namespace !== undefined && own.namespace !== '' && own.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (name !== undefined && own.name === '') {
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  }
  if (name !== undefined && own.name !== name) {
    throw badRequest(`the name of the object (${own.name}) does not match the name on the URL (${name})`);
  }
  return { ...body, ...expected, metadata: { ...metadata, ...defined({ name, namespace }) } } as StoredObject;
}

/** What the sandbox stores without acting on it is reported, never passed over in silence. */
function warnOfIgnored(request: ApiRequest): void {
  const { kind, body } = request;
  if (kind.warning !== undefined) warn(request, kind.warning);
  // A merge or an apply patch has the form of the object; a JSON patch has not.
  if (!isBuiltIn(request) || !isFields(body)) return;
  for (const message of warningsOfIgnoredFields(kind.kind, body)) warn(request, message);
}

function answer(request: ApiRequest, code: number, object: StoredObject): Answer {
  return { code, body: present(request.kind, object, formOf(request)) };
}

/** What the path does not write is left as it was: the status by the object's own path, all else by `…/status`. */
function limitToPart(
  { kind, subresource }: ApiRequest,
  before: StoredObject | undefined,
  object: StoredObject,
): StoredObject {
  if (!kind.subresources.includes('status')) return object;
  const { status, ...rest } = object;
  if (subresource !== 'status') return { ...rest, ...defined({ status: before?.status }) };
  const { status: _old, ...kept } = before ?? object;
  const metadata = { ...kept.metadata, resourceVersion: object.metadata.resourceVersion };
  return { ...kept, metadata, ...defined({ status }) };
}

/** Defaults the object and records in it who changed what. */
function track(request: ApiRequest, before: StoredObject | undefined, object: StoredObject): StoredObject {
  const limited = limitToPart(request, before, object);
  if (isBuiltIn(request)) fillDefaults(request.kind.kind, limited);
  trackUpdate(before, limited, writerOf(request), isBuiltIn(request));
  return limited;
}

function store({ objects, subresource }: ApiRequest, object: StoredObject): StoredObject {
  return subresource === 'status' ? objects.updateStatus(object) : objects.update(object);
}

/** Stores a changed object with who changed it. */
export function replace(request: ApiRequest, before: StoredObject, object: StoredObject): StoredObject {
  return store(request, track(request, before, object));
}

/** POST of a collection. */
export function createObject(request: ApiRequest): Answer {
  const object = conform(request, checkFields(request, objectIn(request)));
  if (at(object, 'metadata', 'resourceVersion') !== undefined) {
    throw new StatusError('InternalError', 'resourceVersion should not be set on objects to be created');
  }
  delete object.metadata.managedFields;
  warnOfIgnored(request);
  return answer(request, 201, request.objects.create(track(request, undefined, object)));
}

/** PUT of an object or of its status. */
export function updateObject(request: ApiRequest): Answer {
  const object = conform(request, checkFields(request, objectIn(request)));
  warnOfIgnored(request);
  if (request.objects.get(keyOf(request)) === undefined) return putAbsent(request, object);
  return answer(request, 200, replace(request, findObject(request), object));
}

/** PUT of what is not there: an object that is named by its uid is another one, and few kinds are created. */
function putAbsent(request: ApiRequest, object: StoredObject): Answer {
  const { kind, subresource, name = '' } = request;
  const { uid } = object.metadata as Partial<StoredObject['metadata']>;
  if (uid !== undefined && uid !== '') {
    const message = `Precondition failed: UID in precondition: ${uid}, UID in object meta: `;
    throw conflict(subjectOf(kind), name, message);
  }
  if (!kind.isCreatedByPut || subresource !== undefined) throw notFound(subjectOf(kind), name);
  const { resourceVersion: _stale, managedFields: _others, ...metadata } = object.metadata;
  const created = { ...object, metadata } as StoredObject;
  return answer(request, 201, request.objects.create(track(request, undefined, created)));
}

/** PATCH of an object or of its status, by any of the four types. */
export function patchObject(request: ApiRequest): Answer {
  warnOfIgnored(request);
  if (request.type === 'application/apply-patch+yaml') return serverSideApply(request);
  const before = findObject(request);
  const after = applyPatch(request.kind, structuredClone(before), request.type, request.body);
  return answer(request, 200, replace(request, before, conform(request, checkFields(request, after))));
}

function serverSideApply(request: ApiRequest): Answer {
  const { kind, query, subresource, name = '', objects } = request;
  const configuration = objectIn(request);
  if (!query.get('fieldManager')) {
    throw invalid({ group: 'meta.k8s.io', resource: 'patchoptions', kind: 'PatchOptions' }, '', [
      required('fieldManager', 'is required for apply patch'),
    ]);
  }
  const absent = ['apiVersion', 'kind'].find((field) => configuration[field] === undefined);
  if (absent !== undefined) throw badRequest(`Object '${absent}' is missing in the applied configuration`);
  if (at(configuration, 'metadata', 'managedFields') !== undefined) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const applied = conform(request, checkAppliedFields(request, configuration));
  limitApplied(request, applied);
  const isThere = objects.get(keyOf(request)) !== undefined;
  const version = applied.metadata.resourceVersion as string | undefined;
  if (!isThere && subresource !== undefined) throw notFound(subjectOf(kind), name);
  if (!isThere && version !== undefined) throw conflict(subjectOf(kind), name);
  const laid = applyConfiguration(isThere ? findObject(request) : undefined, applied, {
    writer: writerOf(request),
    force: booleanOf(query, 'force'),
    isBuiltIn: isBuiltIn(request),
  });
  return answer(request, isThere ? 200 : 201, isThere ? store(request, laid) : objects.create(laid));
}

/** What the path does not write cannot be applied by it either. */
function limitApplied({ subresource, kind }: ApiRequest, applied: StoredObject): void {
  const drop = (part: object, names: readonly string[]): void => {
    for (const name of names) Reflect.deleteProperty(part, name);
  };
  if (subresource === 'status') {
    const kept = ['apiVersion', 'kind', 'metadata', 'status'];
    drop(
      applied,
      Object.keys(applied).filter((name) => !kept.includes(name)),
    );
    drop(applied.metadata, ['labels', 'annotations', 'finalizers', 'ownerReferences']);
  } else if (kind.subresources.includes('status')) delete applied.status;
}

function deleteOptions({ body, query, kind }: ApiRequest): DeleteOptions {
  const option = (name: string): unknown => at(body, name) ?? query.get(name) ?? undefined;
  const grace = option('gracePeriodSeconds');
  const orphan = scalarText(option('orphanDependents'));
  const inherited = orphan === '' ? undefined : isTrue(orphan) ? 'Orphan' : 'Background';
  // A Job that is deleted without a policy leaves its pods, for compatibility with old clients.
  const propagation =
    option('propagationPolicy') ?? inherited ?? (kind.kind === 'Job' ? 'Orphan' : undefined);
  return defined({
    propagation: propagation as DeleteOptions['propagation'],
    gracePeriodSeconds: grace === undefined ? undefined : Number(grace),
    preconditions: at(body, 'preconditions') as DeleteOptions['preconditions'],
  });
}

/** Kinds whose deletion answers with the object, not with a Status. */
const answersWithObject = /^(Pod|Service|ServiceAccount|PersistentVolume|PersistentVolumeClaim)$/;

/** DELETE of one object. */
export function deleteObject(request: ApiRequest): Answer {
  const { kind, objects } = request;
  const stored = findObject(request);
  objects.delete(keyOf(request), deleteOptions(request));
  const left = objects.get(keyOf(request));
  if (left !== undefined || answersWithObject.test(kind.kind)) return answer(request, 200, left ?? stored);
  const { name, uid } = stored.metadata;
  const group = kind.group === '' ? {} : { group: kind.group };
  return { code: 200, body: success({ details: { name, ...group, kind: kind.plural, uid } }) };
}

/** DELETE of a collection: all that the selectors match. */
export function deleteCollection(request: ApiRequest): Answer {
  const { kind, namespace, objects } = request;
  const matching = objects
    .page(kind, defined({ namespace }))
    .objects.filter(parseSelectors(kind, request.query));
  for (const { metadata } of matching) {
    const key = keyOf({ ...request, namespace: metadata.namespace, name: metadata.name });
    objects.delete(key, deleteOptions(request));
  }
  const metadata = { resourceVersion: String(objects.version()) };
  return { code: 200, body: presentList(kind, matching, metadata, formOf(request)) };
}
