import { defined } from '../../../src/base/defined.ts';
import { ClusterError, ConflictError, NotFoundError } from '../../../src/ports/cluster-errors.ts';
import type { KubernetesObject, ObjectReference } from '../../../src/ports/kubernetes-object.ts';
import type { Patch, WatchEvent } from '../../../src/ports/cluster.ts';
import type { FakeCluster } from '../../fakes/cluster.ts';

/** A request as it came over the wire. */
export interface WireRequest {
  method: string;
  path: string;
  contentType: string;
  body: string;
  /** Virtual milliseconds. */
  sentAtMs: number;
}

/** An answer that is complete. */
export interface WireAnswer {
  status: number;
  body: unknown;
}

/** How kinds are served; the group of an old cluster, where autoscaling/v2 is not. */
const served: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  v1: {
    pods: 'Pod',
    configmaps: 'ConfigMap',
    secrets: 'Secret',
    services: 'Service',
    events: 'Event',
    endpoints: 'Endpoints',
    namespaces: 'Namespace',
  },
  'apps/v1': { deployments: 'Deployment', replicasets: 'ReplicaSet' },
  'coordination.k8s.io/v1': { leases: 'Lease' },
  'autoscaling/v1': { horizontalpodautoscalers: 'HorizontalPodAutoscaler' },
};

interface Target {
  apiVersion: string;
  kind: string;
  namespace: string | undefined;
  name: string | undefined;
  query: URLSearchParams;
}

const signal = new AbortController().signal;

/** The REST face of a {@link FakeCluster}: what the real client sends and reads, without a network. */
export class SimulatedApi {
  readonly cluster: FakeCluster;
  /** Deletions by kind: a watch goes on from a list only where there were none in between. */
  readonly #deletions = new Map<string, number>();

  constructor(cluster: FakeCluster) {
    this.cluster = cluster;
    cluster.onRemove = ({ kind }) => this.#deletions.set(kind, (this.#deletions.get(kind) ?? 0) + 1);
  }

  /** Does a request, at once. */
  async handle(request: WireRequest): Promise<WireAnswer> {
    const target = parse(request.path);
    if (target === undefined) return failure(new NotFoundError('no such path'));
    if (target.kind === '') return discover(target.apiVersion);
    try {
      return await this.#act(request, target);
    } catch (error) {
      if (error instanceof ClusterError) return failure(error);
      throw error;
    }
  }

  /** The events of a watch from the version of a list on; undefined: that version is gone. */
  watch(path: string, stopped: AbortSignal): AsyncIterable<string> | undefined {
    const target = parse(path)!;
    const from = target.query.get('resourceVersion') ?? '';
    return from === this.#version(target.kind) ? this.#events(target, from, stopped) : undefined;
  }

  async *#events(target: Target, from: string, stopped: AbortSignal): AsyncIterable<string> {
    // A list is a moment: what was changed since is told first.
    const since = Number(from.split('-')[0]);
    for await (const event of this.cluster.watch(target, selectionOf(target), { signal: stopped })) {
      if (event.type === 'reset') {
        for (const object of event.objects)
          if (Number(object.metadata.resourceVersion) > since) yield lineOf({ type: 'upsert', object });
      } else yield lineOf(event);
    }
  }

  async #act({ method, body, contentType }: WireRequest, target: Target): Promise<WireAnswer> {
    const { cluster } = this;
    const { query, name } = target;
    const dryRun = query.get('dryRun') === 'All';
    const object = (): KubernetesObject => JSON.parse(body) as KubernetesObject;
    switch (method) {
      case 'GET':
        return name === undefined ? this.#list(target) : this.#get({ ...target, name });
      case 'POST':
        return { status: 201, body: await cluster.create(object(), { signal, dryRun }) };
      case 'PUT':
        return { status: 200, body: await cluster.replace(object(), { signal, dryRun }) };
      case 'PATCH': {
        if (contentType === 'application/apply-patch+yaml') {
          const force = query.get('force') === 'true';
          const fieldManager = query.get('fieldManager') ?? '';
          return {
            status: 200,
            body: await cluster.apply(object(), { signal, dryRun, force, fieldManager }),
          };
        }
        const patch = {
          type: contentType === 'application/json-patch+json' ? 'json' : 'merge',
          body: JSON.parse(body) as unknown,
        } as Patch;
        return { status: 200, body: await cluster.patch(referenceOf(target), patch, { signal, dryRun }) };
      }
      case 'DELETE':
        return this.#delete(target, body);
      default:
        throw new Error(`no ${method} in a simulated API`);
    }
  }

  async #get(target: Target): Promise<WireAnswer> {
    const found = await this.cluster.get(referenceOf(target), { signal });
    if (found === undefined) throw new NotFoundError(`${target.kind} ${target.name ?? ''} not found`);
    return { status: 200, body: found };
  }

  async #list(target: Target): Promise<WireAnswer> {
    const items = await this.cluster.list(target, selectionOf(target), { signal });
    return { status: 200, body: { items, metadata: { resourceVersion: this.#version(target.kind) } } };
  }

  async #delete(target: Target, body: string): Promise<WireAnswer> {
    const { preconditions = {} } = JSON.parse(body) as {
      preconditions?: { uid?: string; resourceVersion?: string };
    };
    const reference = referenceOf(target);
    const live = this.cluster.peek(reference);
    if (live === undefined) throw new NotFoundError(`${target.kind} ${reference.name} not found`);
    const { uid } = preconditions;
    if (uid !== undefined && uid !== live.metadata.uid)
      throw new ConflictError('the UID in the precondition');
    await this.cluster.delete(reference, { signal, ...preconditions });
    return { status: 200, body: { kind: 'Status', status: 'Success' } };
  }

  #version(kind: string): string {
    return `${String(this.cluster.latestVersion)}-${String(this.#deletions.get(kind) ?? 0)}`;
  }
}

function lineOf(event: Exclude<WatchEvent, { type: 'reset' }>): string {
  const type = event.type === 'delete' ? 'DELETED' : 'MODIFIED';
  return `${JSON.stringify({ type, object: event.object })}\n`;
}

function failure(error: ClusterError): WireAnswer {
  const [status, reason] =
    error instanceof NotFoundError
      ? [404, 'NotFound']
      : error instanceof ConflictError
        ? [409, error.message.endsWith('exists') ? 'AlreadyExists' : 'Conflict']
        : [500, 'InternalError'];
  return {
    status,
    body: { kind: 'Status', status: 'Failure', reason, code: status, message: error.message },
  };
}

function discover(apiVersion: string): WireAnswer {
  const kinds = served[apiVersion];
  if (kinds === undefined)
    return failure(new NotFoundError('the server could not find the requested resource'));
  const resources = Object.entries(kinds).map(([name, kind]) => ({
    name,
    kind,
    namespaced: kind !== 'Namespace',
  }));
  return { status: 200, body: { resources } };
}

/** `kind` is empty for the discovery of a group. */
function parse(path: string): Target | undefined {
  const url = new URL(path, 'https://api');
  const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const rest = parts[0] === 'api' ? parts.slice(2) : parts.slice(3);
  const apiVersion = parts[0] === 'api' ? parts[1]! : parts.slice(1, 3).join('/');
  const query = url.searchParams;
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2;
  const namespace = isNamespaced ? rest[1] : undefined;
  const [resource, name] = isNamespaced ? rest.slice(2) : rest;
  if (resource === undefined) return { apiVersion, kind: '', namespace, name, query };
  const kind = served[apiVersion]?.[resource];
  return kind === undefined ? undefined : { apiVersion, kind, namespace, name, query };
}

function referenceOf(target: Target): ObjectReference {
  const { name = '', ...rest } = target;
  const { apiVersion, kind, namespace } = rest;
  return { ...{ apiVersion, kind, name }, ...defined({ namespace }) };
}

function selectionOf({ namespace, query }: Target) {
  const labelSelector = query.get('labelSelector') ?? undefined;
  const fieldSelector = query.get('fieldSelector') ?? undefined;
  return defined({ namespace, labelSelector, fieldSelector });
}
