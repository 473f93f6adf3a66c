import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { defined } from '../kinds/fields.ts';
import type { Kind } from '../kinds/kind.ts';
import { inVersion, subjectOf } from '../kinds/kind.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { ObjectKey, StoredObject } from '../store/objects.ts';
import type { Credentials } from './credentials.ts';
import { verifyToken } from './credentials.ts';
import type { PodStreams } from './pod-streams.ts';
import { badRequest, notFound, StatusError } from './status-error.ts';

/** What the API server needs. `streams` gives nothing while no kubelet runs; logs and exec are then refused. */
export interface ApiServerOptions {
  objects: ObjectStore;
  credentials: Credentials;
  streams: () => PodStreams | undefined;
  /** Whether everything that answers requests has started, for `/readyz`. */
  isReady: () => boolean;
}

/** What a URL of the API names: a collection (no name), an object, or a subresource of it. */
export interface ResourcePath {
  kind: Kind;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
  /** The path has the older prefix of a watch: `/api/v1/watch/…`. */
  isWatch: boolean;
}

/** A request for a resource: who asks for what, with the body as it was sent. */
export interface ApiRequest extends ResourcePath, ApiServerOptions {
  method: string;
  headers: IncomingMessage['headers'];
  query: URLSearchParams;
  /** Who asks, e.g. `system:admin`. */
  user: string;
  /** The media type of the body. */
  type: string;
  body: unknown;
  /** For what is more than one answer in JSON: watches, logs, warnings. */
  response: ServerResponse;
}

/** What is sent as JSON. */
export interface Answer {
  code: number;
  body: unknown;
}

/** Users by certificate: to read one takes longer than to answer most requests. */
const certified = new WeakMap<TLSSocket, string>();

function userOfCertificate(socket: TLSSocket): string {
  const user = certified.get(socket) ?? String(socket.getPeerCertificate().subject.CN);
  certified.set(socket, user);
  return user;
}

/** Who sends a request: by client certificate or by token. @throws StatusError Unauthorized. */
export function userOf({ socket, headers }: IncomingMessage, { tokenSecret }: Credentials): string {
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  const user = token === undefined ? undefined : verifyToken(tokenSecret, token);
  if (user !== undefined) return user;
  if (token === undefined && socket instanceof TLSSocket && socket.authorized)
    return userOfCertificate(socket);
  throw new StatusError('Unauthorized', 'Unauthorized');
}

/** The URL of a request. @throws StatusError BadRequest for one that is none. */
export function parseUrl(request: IncomingMessage): URL {
  const url = URL.parse(request.url ?? '/', 'https://localhost');
  if (url === null) throw badRequest('the path of the request is not a URL');
  return url;
}

/** @throws StatusError BadRequest for a `%` that begins no character. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(`the path of the request cannot be decoded: ${segment}`);
  }
}

/**
 * Reads `/api/v1/namespaces/NS/PLURAL/NAME/SUB`, its shorter forms, and those with `watch` after the version, which are
 * deprecated but used by clients; undefined for what is no resource.
 */
export function parseResourcePath({ catalog }: ObjectStore, pathname: string): ResourcePath | undefined {
  const [root, ...segments] = pathname.split('/').filter(Boolean).map(decode);
  if (root !== 'api' && root !== 'apis') return undefined;
  const [group = '', version = '', ...below] = root === 'api' ? ['', ...segments] : segments;
  const isWatch = below[0] === 'watch';
  const rest = isWatch ? below.slice(1) : below;
  const namespace = isInNamespace(rest) ? rest[1] : undefined;
  const [plural = '', name, ...subresource] = namespace === undefined ? rest : rest.slice(2);
  const kind = catalog.byResource(group, version, plural);
  if (kind === undefined || !isFitting(kind, namespace, name)) return undefined;
  if (isWatch && subresource.length > 0) return undefined;
  return { kind, namespace, name, subresource: subresource.join('/') || undefined, isWatch };
}

/** namespaces/NAME/PLURAL… is a path into a namespace; namespaces/NAME and its own subresources are not. */
function isInNamespace([root, , third = '', ...more]: readonly string[]): boolean {
  return root === 'namespaces' && third !== '' && (more.length > 0 || !/^(status|finalize)$/.test(third));
}

/** An object of a namespaced kind has a namespace, one of a cluster's kind has none. */
function isFitting(kind: Kind, namespace: string | undefined, name: string | undefined): boolean {
  return kind.namespaced ? name === undefined || namespace !== undefined : namespace === undefined;
}

/** The key of what a request names. */
export function keyOf({ kind, namespace, name = '' }: ResourcePath): ObjectKey {
  return { kind: kind.kind, group: kind.group, name, ...defined({ namespace }) };
}

/** The object that a request names. @throws StatusError NotFound. */
export function findObject(request: ApiRequest): StoredObject {
  const object = request.objects.get(keyOf(request));
  if (object === undefined) throw notFound(subjectOf(request.kind), request.name ?? '');
  return inVersion(request.kind, object);
}

/** The body as an object. @throws StatusError BadRequest. */
export function objectIn({ body }: Pick<ApiRequest, 'body'>): Fields {
  if (!isFields(body)) throw badRequest('the body of the request is not an object');
  return body;
}

/** Adds a `Warning:` header, which kubectl prints. https://kubernetes.io/blog/2020/09/03/warnings/ */
export function warn({ response }: Pick<ApiRequest, 'response'>, message: string): void {
  // Kubernetes sends UTF-8; Node.js takes each character of a header for a byte.
  const text = Buffer.from(JSON.stringify(message)).toString('latin1');
  response.appendHeader('Warning', `299 - ${text}`);
}
