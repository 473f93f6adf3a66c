import type { Fields } from '../kinds/fields.ts';
import { fillDefaults } from '../kinds/defaults.ts';
import { at, isFields, scalarText } from '../kinds/fields.ts';
import { apiVersionOf, subjectOf } from '../kinds/kind.ts';
import { warningsOfIgnoredFields } from '../kinds/unsupported.ts';
import type { StoredObject } from '../store/objects.ts';
import { timestamp } from '../store/timestamp.ts';
import { mediaType, parseDocument, readObject, readText } from './body.ts';
import type { ResourceExchange } from './exchange.ts';
import { keyOf, run, sendJson, warn } from './exchange.ts';
import { checkFields } from './field-validation.ts';
import type { Writer } from './managed-fields.ts';
import { trackUpdate } from './managed-fields.ts';
import { applyPatch } from './patch.ts';
import { findObject, formOf } from './read.ts';
import { present } from './representation.ts';
import { applyConfiguration } from './server-side-apply.ts';
import { badRequest, conflict, invalid, notFound, StatusError } from './status-error.ts';

const isBuiltIn = (exchange: ResourceExchange): boolean => exchange.kind.model !== undefined;

/** Who writes: `fieldManager`, or the client's program name. */
function writerOf(exchange: ResourceExchange): Writer {
  const agent = exchange.request.headers['user-agent']?.split('/')[0] ?? 'unknown';
  return {
    manager: exchange.query.get('fieldManager') ?? agent,
    apiVersion: apiVersionOf(exchange.kind),
    subresource: exchange.subresource ?? '',
    time: timestamp(Date.now()),
  };
}

/** The metadata of a body, checked against the path and completed from it. */
function conformMetadata({ namespace, name }: ResourceExchange, metadata: unknown): Fields {
  if (!isFields(metadata)) throw badRequest('metadata is not an object');
  const own = { namespace: scalarText(metadata['namespace']), name: scalarText(metadata['name']) };
  if (namespace !== undefined && own.namespace !== '' && own.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (name !== undefined && own.name !== '' && own.name !== name) {
    throw badRequest(`the name of the object (${own.name}) does not match the name on the URL (${name})`);
  }
  return {
    ...metadata,
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

/** Checks that the body is what the path says, and completes it from the path. */
function conform(exchange: ResourceExchange, body: Fields): StoredObject {
  const expected = { apiVersion: apiVersionOf(exchange.kind), kind: exchange.kind.kind };
  const { apiVersion, kind } = { ...expected, ...body };
  if (apiVersion !== expected.apiVersion || kind !== expected.kind) {
    throw badRequest(
      `the API version in the data (${scalarText(apiVersion)}, Kind=${scalarText(kind)}) does not match the ` +
        `expected API version (${expected.apiVersion}, Kind=${expected.kind})`,
    );
  }
  return {
    ...body,
    ...expected,
    metadata: conformMetadata(exchange, body['metadata'] ?? {}),
  } as unknown as StoredObject;
}

/** What the sandbox stores without acting on it is told, never passed over in silence. */
function warnOfIgnored(exchange: ResourceExchange, object: Fields): void {
  if (exchange.kind.warning !== undefined) warn(exchange, exchange.kind.warning);
  if (!isBuiltIn(exchange)) return;
  for (const message of warningsOfIgnoredFields(exchange.kind.kind, object)) warn(exchange, message);
}

/** Answers with the object in the form that the client wants. */
export function answer(exchange: ResourceExchange, httpCode: number, object: StoredObject): void {
  sendJson(exchange.response, httpCode, present(exchange.kind, object, formOf(exchange)));
}

/** What the path does not write is left as it was: the status by the object's own path, all else by `…/status`. */
function limitToPart(
  exchange: ResourceExchange,
  before: StoredObject | undefined,
  object: StoredObject,
): StoredObject {
  if (!exchange.kind.subresources.includes('status')) return object;
  const { status, ...rest } = object;
  if (exchange.subresource !== 'status') {
    return before?.status === undefined ? rest : { ...rest, status: before.status };
  }
  const { status: _old, ...kept } = before ?? object;
  const metadata = { ...kept.metadata, resourceVersion: object.metadata.resourceVersion };
  return { ...kept, metadata, ...(status === undefined ? {} : { status }) };
}

/** Defaults the object and records in it who changed what. */
function track(
  exchange: ResourceExchange,
  before: StoredObject | undefined,
  object: StoredObject,
): StoredObject {
  const limited = limitToPart(exchange, before, object);
  if (isBuiltIn(exchange)) fillDefaults(exchange.kind.kind, limited);
  trackUpdate(before, limited, writerOf(exchange), isBuiltIn(exchange));
  return limited;
}

/** POST of a collection. */
export async function createObject(exchange: ResourceExchange): Promise<void> {
  const object = conform(exchange, checkFields(exchange, await readObject(exchange.request)));
  if (at(object, 'metadata', 'resourceVersion') !== undefined) {
    throw new StatusError('InternalError', 'resourceVersion should not be set on objects to be created');
  }
  delete object.metadata.managedFields;
  warnOfIgnored(exchange, object);
  const created = run(exchange, () => create(exchange, track(exchange, undefined, object)));
  answer(exchange, 201, created);
}

/** Stores a changed object with who changed it; `part` is the path's subresource. */
export function replace(
  exchange: ResourceExchange,
  before: StoredObject,
  object: StoredObject,
): StoredObject {
  return store(exchange, track(exchange, before, object));
}

function create(exchange: ResourceExchange, object: StoredObject): StoredObject {
  return exchange.objects.create(object);
}

function store(exchange: ResourceExchange, object: StoredObject): StoredObject {
  const stored = object;
  return exchange.subresource === 'status'
    ? exchange.objects.updateStatus(stored)
    : exchange.objects.update(stored);
}

/** PUT of an object or of its status. */
export async function updateObject(exchange: ResourceExchange): Promise<void> {
  const object = conform(exchange, checkFields(exchange, await readObject(exchange.request)));
  warnOfIgnored(exchange, object);
  const updated = run(exchange, () => replace(exchange, findObject(exchange), object));
  answer(exchange, 200, updated);
}

/** PATCH of an object or of its status, by any of the four types. */
export async function patchObject(exchange: ResourceExchange): Promise<void> {
  const type = mediaType(exchange.request);
  const patch = await parseDocument(await readText(exchange.request), type);
  // A merge or an apply patch has the form of the object; a JSON patch has not.
  warnOfIgnored(exchange, isFields(patch) ? patch : {});
  if (type === 'application/apply-patch+yaml') {
    serverSideApply(exchange, patch);
    return;
  }
  const patched = run(exchange, () => {
    const before = findObject(exchange);
    const after = applyPatch(exchange.kind, structuredClone(before), type, patch);
    return replace(exchange, before, conform(exchange, checkFields(exchange, after)));
  });
  answer(exchange, 200, patched);
}

function serverSideApply(exchange: ResourceExchange, configuration: unknown): void {
  const { kind, query, name = '' } = exchange;
  if (!isFields(configuration)) throw badRequest('the applied configuration is not an object');
  if ((query.get('fieldManager') ?? '') === '') {
    throw invalid({ group: 'meta.k8s.io', resource: 'patchoptions', kind: 'PatchOptions' }, '', [
      {
        reason: 'FieldValueRequired',
        message: 'Required value: is required for apply patch',
        field: 'fieldManager',
      },
    ]);
  }
  for (const field of ['apiVersion', 'kind']) {
    if (configuration[field] === undefined)
      throw badRequest(`Object '${field}' is missing in the applied configuration`);
  }
  const applied = conform(exchange, checkFields(exchange, configuration));
  if (applied.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  limitApplied(exchange, applied);
  const options = {
    writer: writerOf(exchange),
    force: query.get('force') === 'true',
    isBuiltIn: isBuiltIn(exchange),
  };
  const isThere = exchange.objects.get(keyOf(exchange)) !== undefined;
  const version = applied.metadata.resourceVersion as string | undefined;
  if (!isThere && exchange.subresource !== undefined) throw notFound(subjectOf(kind), name);
  if (!isThere && version !== undefined) throw conflict(subjectOf(kind), name);
  const result = run(exchange, () => {
    if (!isThere) {
      return create(exchange, applyConfiguration(undefined, applied, options));
    }
    const live = findObject(exchange);
    return store(exchange, applyConfiguration(live, applied, options));
  });
  answer(exchange, isThere ? 200 : 201, result);
}

/** What the path does not write cannot be applied by it either. */
function limitApplied(exchange: ResourceExchange, applied: StoredObject): void {
  if (exchange.subresource === 'status') {
    for (const name of Object.keys(applied)) {
      if (!['apiVersion', 'kind', 'metadata', 'status'].includes(name)) Reflect.deleteProperty(applied, name);
    }
    for (const name of ['labels', 'annotations', 'finalizers', 'ownerReferences']) {
      Reflect.deleteProperty(applied.metadata, name);
    }
  } else if (exchange.kind.subresources.includes('status')) delete applied.status;
}
