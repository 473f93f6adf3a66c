import { isDeepStrictEqual } from 'node:util';
import jsonPatch, { type Operation } from 'fast-json-patch';
import type {
  ApplyOptions,
  CallOptions,
  Cluster,
  DeleteOptions,
  Patch,
  Selection,
  ServedKind,
  WatchEvent,
  WriteOptions,
} from '../../src/ports/cluster.ts';
import { ConflictError, NotFoundError, RejectedError } from '../../src/ports/cluster-errors.ts';
import type { KubernetesObject, ObjectKind, ObjectReference } from '../../src/ports/kubernetes-object.ts';
import { copyOf } from './copy.ts';
import { leavesOf, removeLeaf, setLeaf } from './field-sets.ts';

type Verb = 'get' | 'list' | 'create' | 'replace' | 'apply' | 'patch' | 'delete';

interface Watcher {
  kind: string;
  selection: Selection;
  push: (event: WatchEvent) => void;
}

/** What Kubernetes creates on PUT when it is not there, also with an old resourceVersion. */
const createdOnReplace = new Set([
  'Lease',
  'Endpoints',
  'Event',
  'LimitRange',
  'Role',
  'RoleBinding',
  'ClusterRole',
  'ClusterRoleBinding',
]);

const clusterScoped = new Set([
  'Namespace',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleBinding',
  'PriorityClass',
  'PersistentVolume',
  'StorageClass',
  'IngressClass',
]);

/**
 * A Kubernetes API in memory: resource versions, generations, server-side apply with owners of fields, selectors,
 * watches, deletion by ownership. Every kind is served, but for those in `unserved`. No controllers and no validation.
 */
export class FakeCluster implements Cluster {
  readonly identity = { name: 'fake', server: 'https://fake', namespace: 'default' };
  /** What was asked, in order: `apply Deployment/web`. */
  readonly calls: string[] = [];
  /** `apiVersion/Kind` that the API does not serve. */
  readonly unserved = new Set<string>();
  /** Called before every call; what it throws the call throws, with nothing done. */
  before: (verb: Verb, reference: ObjectReference) => void = () => undefined;
  /** What the API warns of when it answers a call. */
  warningsOf: (verb: Verb, reference: ObjectReference) => readonly string[] = () => [];
  /** Called after every writing call; what it throws the call throws, though it was done. */
  after: (verb: Verb, reference: ObjectReference) => void = () => undefined;
  /** Called with every object that is stored, and what it was before; not for those of a dry run. */
  onStore: (object: KubernetesObject, before: KubernetesObject | undefined) => void = () => undefined;
  /** Called with every object that is removed. */
  onRemove: (object: KubernetesObject) => void = () => undefined;
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #owners = new Map<string, Map<string, Set<string>>>();
  readonly #watchers = new Set<Watcher>();
  #version = 0;
  #uid = 0;

  version(_options: CallOptions) {
    return Promise.resolve({ major: 1, minor: 20, gitVersion: 'v1.20.2' });
  }

  async get<O extends KubernetesObject>(
    reference: ObjectReference,
    options: CallOptions,
  ): Promise<O | undefined> {
    this.#begin('get', reference, options);
    return copyOf(this.#objects.get(keyOf(reference))) as O | undefined;
  }

  async list<O extends KubernetesObject>(
    kind: ObjectKind,
    selection: Selection,
    options: CallOptions,
  ): Promise<O[]> {
    this.#begin('list', { ...kind, name: '*' }, options);
    return this.#select(kind.kind, selection) as O[];
  }

  async create<O extends KubernetesObject>(object: O, options: WriteOptions): Promise<O> {
    const reference = referenceOf(object);
    await options.beforeWrite?.(options);
    this.#begin('create', reference, options);
    if (this.#objects.has(keyOf(reference)))
      throw new ConflictError(`${object.kind} ${reference.name} exists`);
    const created = this.#store(reference, object, undefined, options);
    if (options.dryRun !== true) this.after('create', reference);
    return created;
  }

  async replace<O extends KubernetesObject>(object: O, options: WriteOptions): Promise<O> {
    const reference = referenceOf(object);
    await options.beforeWrite?.(options);
    this.#begin('replace', reference, options);
    const live = this.#objects.get(keyOf(reference));
    const { resourceVersion, uid } = object.metadata;
    if (uid !== undefined && uid !== live?.metadata.uid)
      throw new ConflictError(`${object.kind} ${reference.name} is another one`);
    if (live === undefined && !createdOnReplace.has(object.kind))
      throw new NotFoundError(`${object.kind} ${reference.name} is not there`);
    if (
      live !== undefined &&
      resourceVersion !== undefined &&
      resourceVersion !== live.metadata.resourceVersion
    )
      throw new ConflictError(`${object.kind} ${reference.name} has been changed`);
    const replaced = this.#store(reference, object, live, options);
    if (options.dryRun !== true) this.after('replace', reference);
    return replaced;
  }

  async apply<O extends KubernetesObject>(object: O, options: ApplyOptions): Promise<O> {
    const reference = referenceOf(object);
    await options.beforeWrite?.(options);
    this.#begin('apply', reference, options);
    const live = this.#objects.get(keyOf(reference));
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== live?.metadata.resourceVersion)
      throw new ConflictError(
        `Operation cannot be fulfilled on ${object.kind} "${reference.name}": the object has been modified`,
      );
    const known = this.#owners.get(keyOf(reference)) ?? new Map<string, Set<string>>();
    const { merged, owners } = mergeApplied(object, live, known, options);
    if (options.dryRun !== true) this.#owners.set(keyOf(reference), owners);
    const stored = this.#store(reference, merged, live, options);
    if (options.dryRun !== true) this.after('apply', reference);
    return stored;
  }

  async patch<O extends KubernetesObject>(
    reference: ObjectReference,
    patch: Patch,
    options: WriteOptions,
  ): Promise<O> {
    await options.beforeWrite?.(options);
    this.#begin('patch', reference, options);
    const live = this.#objects.get(keyOf(reference));
    if (live === undefined) throw new NotFoundError(`${reference.kind} ${reference.name} is not there`);
    if (patch.type === 'strategic') throw new Error('the fake knows no strategic merge patch');
    const next = patch.type === 'json' ? patchJson(live, patch.body) : merge(live, patch.body);
    if ((next as KubernetesObject).metadata.resourceVersion !== live.metadata.resourceVersion)
      throw new ConflictError(
        `Operation cannot be fulfilled on ${live.kind} "${reference.name}": the object has been modified`,
      );
    if (options.dryRun !== true) this.#disown(reference, live, next as KubernetesObject);
    const patched = this.#store(reference, next as KubernetesObject, live, options);
    if (options.dryRun !== true) this.after('patch', reference);
    return patched as O;
  }

  async delete(reference: ObjectReference, options: DeleteOptions): Promise<boolean> {
    await options.beforeWrite?.(options);
    this.#begin('delete', reference, options);
    const live = this.#objects.get(keyOf(reference));
    if (live === undefined || (options.uid !== undefined && options.uid !== live.metadata.uid)) return false;
    const { resourceVersion } = options;
    if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion)
      throw new ConflictError(`${reference.kind} ${reference.name} has been changed`);
    this.#remove(keyOf(reference), live);
    this.after('delete', reference);
    return true;
  }

  async *watch<O extends KubernetesObject>(
    kind: ObjectKind,
    selection: Selection,
    { signal }: CallOptions,
  ): AsyncIterable<WatchEvent<O>> {
    const queue: WatchEvent[] = [{ type: 'reset', objects: this.#select(kind.kind, selection) }];
    let wake = (): void => undefined;
    const watcher: Watcher = {
      kind: kind.kind,
      selection,
      push: (event) => {
        queue.push(event);
        wake();
      },
    };
    this.#watchers.add(watcher);
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else yield event as WatchEvent<O>;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#watchers.delete(watcher);
    }
  }

  served(kind: ObjectKind, _options: CallOptions): Promise<ServedKind | undefined> {
    const { apiVersion, kind: name } = kind;
    if (this.unserved.has(`${apiVersion}/${name}`)) return Promise.resolve(undefined);
    return Promise.resolve({
      apiVersion,
      kind: name,
      resource: `${name.toLowerCase()}s`,
      namespaced: !clusterScoped.has(name),
    });
  }

  async firstServed(kinds: readonly ObjectKind[], options: CallOptions): Promise<ServedKind | undefined> {
    for (const kind of kinds) {
      const served = await this.served(kind, options);
      if (served !== undefined) return served;
    }
    return undefined;
  }

  mayI(questions: readonly unknown[], _options: CallOptions): Promise<boolean[]> {
    return Promise.resolve(questions.map(() => true));
  }

  // What follows is for tests and simulated controllers: no calls, no faults.

  /** The version of the last write. */
  get latestVersion(): number {
    return this.#version;
  }

  /** Another cluster with the same objects. */
  copy(): FakeCluster {
    const other = new FakeCluster();
    for (const [key, object] of this.#objects) other.#objects.set(key, copyOf(object));
    for (const [key, owners] of this.#owners) other.#owners.set(key, structuredClone(owners));
    other.#version = this.#version;
    other.#uid = this.#uid;
    return other;
  }

  /** The live object. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as Cluster.get
  peek<O extends KubernetesObject = KubernetesObject>(reference: ObjectReference): O | undefined {
    return this.#objects.get(keyOf(reference)) as O | undefined;
  }

  /** All objects of a kind. */
  all<O extends KubernetesObject>(kind: string): O[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind) as O[];
  }

  /** Puts an object in or over, as a controller or somebody else would. */
  put<O extends KubernetesObject>(object: O): O {
    const reference = referenceOf(object);
    const signal = new AbortController().signal;
    return this.#store(reference, object, this.#objects.get(keyOf(reference)), { signal });
  }

  /** Changes a live object by a merge patch, as somebody else would, who owns what is changed from then on. */
  change(reference: ObjectReference, body: object): void {
    const live = this.#objects.get(keyOf(reference));
    if (live === undefined) return;
    const next = merge(live, body) as KubernetesObject;
    this.#disown(reference, live, next);
    this.#store(reference, next, live, { signal: new AbortController().signal });
  }

  /** Takes an object away. */
  drop(reference: ObjectReference): void {
    const live = this.#objects.get(keyOf(reference));
    if (live !== undefined) this.#remove(keyOf(reference), live);
  }

  #begin(verb: Verb, reference: ObjectReference, { signal, onWarning }: CallOptions): void {
    signal.throwIfAborted();
    this.calls.push(`${verb} ${reference.kind}/${reference.name}`);
    for (const warning of this.warningsOf(verb, reference)) onWarning?.(warning);
    this.before(verb, reference);
    const { apiVersion, kind } = reference;
    if (apiVersion === '' || this.unserved.has(`${apiVersion}/${kind}`))
      throw new NotFoundError(`${this.identity.server} does not serve the kind ${kind} of ${apiVersion}`);
  }

  #store<O extends KubernetesObject>(
    reference: ObjectReference,
    object: O,
    live: KubernetesObject | undefined,
    options: WriteOptions,
  ): O {
    const { stringData, ...rest } = copyOf(object) as O & { stringData?: Record<string, string> };
    const next = rest as unknown as O;
    if (stringData !== undefined) {
      const encoded = Object.entries(stringData).map(([key, value]) => [
        key,
        Buffer.from(value).toString('base64'),
      ]);
      (next as Record<string, unknown>)['data'] = {
        ...(next['data'] as object),
        ...Object.fromEntries(encoded),
      };
    }
    const specChanged = live !== undefined && !isDeepStrictEqual(live['spec'], next['spec']);
    next.metadata = {
      ...next.metadata,
      uid: live?.metadata.uid ?? `uid-${String(++this.#uid)}`,
      generation: (live?.metadata.generation ?? 1) + (specChanged ? 1 : 0),
      creationTimestamp: live?.metadata.creationTimestamp ?? '2026-01-01T00:00:00Z',
    };
    const managers = this.#owners.get(keyOf(reference));
    const replicasPath = JSON.stringify(['spec', 'replicas']);
    next.metadata['managedFields'] = [...(managers ?? [])].map(([manager, paths]) => ({
      manager,
      operation: 'Apply',
      fieldsV1: { 'f:spec': paths.has(replicasPath) ? { 'f:replicas': {} } : {} },
    }));
    const unchanged =
      live !== undefined &&
      isDeepStrictEqual(live, {
        ...next,
        metadata: { ...next.metadata, resourceVersion: live.metadata.resourceVersion },
      });
    next.metadata.resourceVersion = unchanged ? live.metadata.resourceVersion! : String(++this.#version);
    if (options.dryRun !== true && !unchanged) {
      this.#objects.set(keyOf(reference), next);
      this.onStore(next, live);
      this.#tell('upsert', next);
    }
    return copyOf(next);
  }

  #remove(key: string, live: KubernetesObject): void {
    this.#version += 1;
    this.#objects.delete(key);
    this.#owners.delete(key);
    this.onRemove(live);
    this.#tell('delete', live);
    for (const [other, object] of [...this.#objects])
      if (object.metadata.ownerReferences?.some(({ uid }) => uid === live.metadata.uid))
        this.#remove(other, object);
  }

  /** Who changes a field's value without applying it takes it from those that applied it. */
  #disown(reference: ObjectReference, live: KubernetesObject, next: KubernetesObject): void {
    const before = leavesOf(live);
    const after = leavesOf(next);
    for (const paths of this.#owners.get(keyOf(reference))?.values() ?? [])
      for (const path of paths)
        if (!isDeepStrictEqual(before.get(path)?.value, after.get(path)?.value)) paths.delete(path);
  }

  #tell(type: 'upsert' | 'delete', object: KubernetesObject): void {
    for (const { kind, selection, push } of this.#watchers)
      if (kind === object.kind && matches(object, selection)) push({ type, object: copyOf(object) });
  }

  #select(kind: string, selection: Selection): KubernetesObject[] {
    checkSelection(selection);
    return copyOf(this.all(kind).filter((object) => matches(object, selection)));
  }
}

/** Server-side apply: takes what others own only by force, and takes away what the manager no longer says. */
function mergeApplied<O extends KubernetesObject>(
  object: O,
  live: KubernetesObject | undefined,
  known: ReadonlyMap<string, ReadonlySet<string>>,
  { fieldManager: manager = 'slipway', force = false }: ApplyOptions,
): { merged: O; owners: Map<string, Set<string>> } {
  const merged = copyOf(live ?? { kind: object.kind, metadata: {} }) as O;
  merged.apiVersion = object.apiVersion;
  const owners = new Map([...known].map(([name, paths]) => [name, new Set(paths)]));
  const others = () => [...owners].filter(([name]) => name !== manager);
  const wanted = leavesOf(object);
  const present = leavesOf(merged);
  for (const [path, { value }] of wanted) {
    const holders = others().filter(([, paths]) => paths.has(path));
    if (holders.length === 0 || isDeepStrictEqual(present.get(path)?.value, value)) continue;
    if (!force) throw new ConflictError(`conflict with "${holders[0]![0]}": ${path}`, { status: 409 });
    for (const [, paths] of holders) paths.delete(path);
  }
  const isShared = (path: string) => others().some(([, paths]) => paths.has(path));
  const dropped = [...(owners.get(manager) ?? [])].filter((path) => !wanted.has(path) && !isShared(path));
  for (const leaf of dropped.flatMap((path) => present.get(path) ?? [])) removeLeaf(merged, leaf);
  owners.set(manager, new Set(wanted.keys()));
  for (const leaf of wanted.values()) setLeaf(merged, copyOf(leaf));
  const { resourceVersion: _, labels: _labels, annotations: _annotations, ...metadata } = object.metadata;
  merged.metadata = { ...merged.metadata, ...metadata };
  return { merged, owners };
}

function keyOf({ kind, namespace = '', name }: ObjectReference): string {
  return `${kind}/${namespace}/${name}`;
}

function referenceOf({ apiVersion, kind, metadata }: KubernetesObject): ObjectReference {
  const { name, namespace } = metadata;
  return namespace === undefined ? { apiVersion, kind, name } : { apiVersion, kind, name, namespace };
}

/** Only the selectors that the core uses; any other must not seem to match nothing. */
function checkSelection({ labelSelector = '', fieldSelector }: Selection): void {
  if (/[!()]|==/.test(labelSelector)) throw new Error(`the fake knows no label selector ${labelSelector}`);
  if (fieldSelector !== undefined && !/^metadata\.name=[^,]+$/.test(fieldSelector))
    throw new Error(`the fake knows no field selector ${fieldSelector}`);
}

function matches(object: KubernetesObject, { namespace, labelSelector, fieldSelector }: Selection): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  if (fieldSelector !== undefined && fieldSelector !== `metadata.name=${object.metadata.name}`) return false;
  const labels = object.metadata.labels ?? {};
  return (labelSelector ?? '').split(',').every((part) => {
    const [key = '', value] = part.split('=');
    return part === '' || (value === undefined ? key in labels : labels[key] === value);
  });
}

function patchJson(live: KubernetesObject, body: readonly { op: string }[]): unknown {
  try {
    return jsonPatch.applyPatch(copyOf(live), body as readonly Operation[], true).newDocument;
  } catch (error) {
    throw new RejectedError('the patch does not fit the object', { status: 422, cause: error });
  }
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged = { ...(typeof target === 'object' && !Array.isArray(target) ? target : {}) } as Record<
    string,
    unknown
  >;
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(merged, key);
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}
