import { defined } from '../../base/defined.ts';
import type {
  AccessQuestion,
  ApplyOptions,
  CallOptions,
  Cluster,
  DeleteOptions,
  Patch,
  Selection,
  ServedKind,
  WatchEvent,
  WriteOptions,
} from '../../ports/cluster.ts';
import { ConflictError, NotFoundError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject, ObjectKind, ObjectReference } from '../../ports/kubernetes-object.ts';
import { Discovery } from './client/discovery.ts';
import { describe, groupOf, queryOf, resourcePath } from './client/paths.ts';
import { dryRun, preconditions, selectors } from './client/call-parameters.ts';
import { listAllPages, type Listing, type ListPage } from './client/list-pages.ts';
import { AmbiguousError, type Requests } from './client/requests.ts';
import { isSubset } from './client/subset.ts';
import { wellKnownKind } from './client/well-known-kinds.ts';
import { defaultSettings } from './settings.ts';
import { watchCollection } from './watch/watch-loop.ts';

const patchTypes: Record<Patch['type'], string> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
};

/** {@link Cluster} over the Kubernetes REST API. */
export class KubernetesCluster implements Cluster {
  readonly identity: Cluster['identity'];
  readonly #requests: Requests;
  readonly #discovery: Discovery;
  readonly #watchSilenceMs: number;

  constructor(requests: Requests, watchSilenceMs = defaultSettings.watchSilenceMs) {
    const { name, server, namespace } = requests.connection;
    this.#watchSilenceMs = watchSilenceMs;
    this.identity = { name, server, namespace };
    this.#requests = requests;
    this.#discovery = new Discovery(requests);
  }

  async version(options: CallOptions): Promise<{ major: number; minor: number; gitVersion: string }> {
    const call = { method: 'GET', path: '/version', what: 'read its version' } as const;
    const answer = await this.#send<{ major: string; minor: string; gitVersion: string }>(call, options);
    return {
      major: Number.parseInt(answer.major, 10),
      minor: Number.parseInt(answer.minor, 10), // "27+" on some providers
      gitVersion: answer.gitVersion,
    };
  }

  async get<O extends KubernetesObject = KubernetesObject>(
    reference: ObjectReference,
    options: CallOptions,
  ): Promise<O | undefined> {
    const kind = await this.#kind(reference, options);
    try {
      return await this.#send<O>(
        { method: 'GET', path: resourcePath(kind, reference), what: describe('get', kind, reference) },
        options,
      );
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  async list<O extends KubernetesObject = KubernetesObject>(
    kind: ObjectKind,
    selection: Selection,
    options: CallOptions,
  ): Promise<O[]> {
    return (await this.#listAt<O>(await this.#kind(kind, options), selection, options)).objects;
  }

  async create<O extends KubernetesObject>(object: O, options: WriteOptions): Promise<O> {
    const kind = await this.#kind(object, options);
    const { namespace, name } = object.metadata;
    const path = resourcePath(kind, { namespace }) + queryOf(dryRun(options));
    const call = {
      method: 'POST',
      path,
      body: object,
      what: describe('create', kind, object.metadata),
    } as const;
    return this.#settle<O>(
      () => this.#requests.send<O>(call, options),
      { ...object, metadata: { ...object.metadata, name } },
      options,
    );
  }

  async replace<O extends KubernetesObject>(object: O, options: WriteOptions): Promise<O> {
    const kind = await this.#kind(object, options);
    const path = resourcePath(kind, object.metadata) + queryOf(dryRun(options));
    const call = {
      method: 'PUT',
      path,
      body: object,
      what: describe('update', kind, object.metadata),
    } as const;
    const { resourceVersion: _, ...metadata } = object.metadata;
    return this.#settle<O>(() => this.#requests.send<O>(call, options), { ...object, metadata }, options);
  }

  async apply<O extends KubernetesObject>(object: O, options: ApplyOptions): Promise<O> {
    const kind = await this.#kind(object, options);
    const query = { fieldManager: options.fieldManager ?? 'slipway', force: options.force ?? false };
    return this.#send<O>(
      {
        method: 'PATCH',
        path: resourcePath(kind, object.metadata) + queryOf({ ...query, ...dryRun(options) }),
        body: object,
        contentType: 'application/apply-patch+yaml', // JSON is YAML
        what: describe('apply', kind, object.metadata),
      },
      options,
    );
  }

  async patch<O extends KubernetesObject = KubernetesObject>(
    reference: ObjectReference,
    patch: Patch,
    options: WriteOptions,
  ): Promise<O> {
    const kind = await this.#kind(reference, options);
    return this.#send<O>(
      {
        method: 'PATCH',
        path: resourcePath(kind, reference) + queryOf({ fieldManager: 'slipway', ...dryRun(options) }),
        body: patch.body,
        contentType: patchTypes[patch.type],
        what: describe('patch', kind, reference),
      },
      options,
    );
  }

  async delete(reference: ObjectReference, options: DeleteOptions): Promise<boolean> {
    const kind = await this.#kind(reference, options);
    const { propagation, gracePeriodSeconds } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: propagation ?? 'Background',
      ...defined({ gracePeriodSeconds }),
      ...preconditions(options),
    };
    const what = describe('delete', kind, reference);
    try {
      await this.#requests.send(
        { method: 'DELETE', path: resourcePath(kind, reference), body, what },
        options,
      );
      return true;
    } catch (error) {
      if (error instanceof AmbiguousError && error.cause instanceof NotFoundError) return true;
      if (error instanceof NotFoundError) return false;
      const byUid = options.uid !== undefined && options.resourceVersion === undefined;
      if (error instanceof ConflictError && byUid) return false; // another object of this name
      throw unwrap(error);
    }
  }

  async *watch<O extends KubernetesObject = KubernetesObject>(
    kind: ObjectKind,
    selection: Selection,
    options: CallOptions,
  ): AsyncIterable<WatchEvent<O>> {
    const { signal } = options;
    try {
      const served = await this.#kind(kind, options);
      const collection = {
        what: describe('watch', served, selection),
        silenceMs: this.#watchSilenceMs,
        list: () => this.#listAt<O>(served, selection, options),
        open: (resourceVersion: string, timeoutSeconds: number) =>
          this.#requests.open(
            {
              method: 'GET',
              path:
                resourcePath(served, { namespace: selection.namespace }) +
                queryOf({
                  ...selectors(selection),
                  watch: true,
                  allowWatchBookmarks: true,
                  resourceVersion,
                  timeoutSeconds,
                }),
              what: describe('watch', served, selection),
            },
            options,
          ),
      };
      yield* watchCollection<O>(collection, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async served(kind: ObjectKind, options: CallOptions): Promise<ServedKind | undefined> {
    return this.#discovery.served(kind, options);
  }

  async firstServed(kinds: readonly ObjectKind[], options: CallOptions): Promise<ServedKind | undefined> {
    for (const kind of kinds) {
      const found = await this.#discovery.served(kind, options);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async mayI(questions: readonly AccessQuestion[], options: CallOptions): Promise<boolean[]> {
    return Promise.all(questions.map((question) => this.#mayI(question, options)));
  }

  async #mayI(question: AccessQuestion, options: CallOptions): Promise<boolean> {
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: question },
    };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const call = { method: 'POST', path, body, what: 'ask what the credentials may do' } as const;
    const answer = await this.#send<{ status?: { allowed?: boolean } }>(call, options);
    return answer.status?.allowed === true;
  }

  #listAt<O extends KubernetesObject>(
    kind: ServedKind,
    selection: Selection,
    options: CallOptions,
  ): Promise<Listing<O>> {
    return listAllPages<O>((call) => this.#send<ListPage>(call, options), kind, selection);
  }

  async #kind({ apiVersion, kind }: ObjectKind, options: CallOptions): Promise<ServedKind> {
    const known = wellKnownKind(apiVersion, kind);
    if (known !== undefined) return known;
    const found = await this.#discovery.served({ apiVersion, kind }, options);
    if (found !== undefined) return found;
    const group = groupOf(apiVersion) === '' ? 'the core group' : apiVersion;
    throw new NotFoundError(`the Kubernetes API does not serve the kind ${kind} of ${group}`, {
      status: 404,
      hint: 'check apiVersion and kind, and that its CustomResourceDefinition is installed',
    });
  }

  async #send<T>(call: Parameters<Requests['send']>[0], options: CallOptions): Promise<T> {
    try {
      return await this.#requests.send<T>(call, options);
    } catch (error) {
      throw unwrap(error);
    }
  }

  /** A write whose first answer was lost and whose repetition conflicts with itself has been done. */
  async #settle<O extends KubernetesObject>(
    write: () => Promise<O>,
    wanted: O,
    options: WriteOptions,
  ): Promise<O> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof AmbiguousError) || !(error.cause instanceof ConflictError)) throw unwrap(error);
      const { apiVersion, kind, metadata } = wanted;
      const stored = await this.get<O>({ apiVersion, kind, ...metadata }, options);
      if (stored !== undefined && isSubset(wanted, stored)) return stored;
      throw error.cause;
    }
  }
}

function unwrap(error: unknown): unknown {
  return error instanceof AmbiguousError ? error.cause : error;
}
