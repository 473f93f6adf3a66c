import { inVersion, subjectOf } from '../kinds/kind.ts';
import type { StoredObject } from '../store/objects.ts';
import type { ResourceExchange } from './exchange.ts';
import { keyOf, sendJson } from './exchange.ts';
import { present, presentList, representationOf } from './representation.ts';
import { parseSelectors } from './selectors.ts';
import { badRequest, notFound } from './status-error.ts';

/** Where a chunked list goes on; the client gets it as an opaque token. */
interface Continuation {
  version: number;
  after: { namespace: string; name: string };
}

/** The object that the path names. @throws StatusError NotFound. */
export function findObject(exchange: ResourceExchange): StoredObject {
  const { kind, name = '' } = exchange;
  const object = exchange.objects.get(keyOf(exchange));
  if (object === undefined) throw notFound(subjectOf(kind), name);
  return inVersion(kind, object);
}

/** How the client wants its answer. */
export function formOf(exchange: ResourceExchange): {
  representation: ReturnType<typeof representationOf>;
  includeObject: string | null;
} {
  return {
    representation: representationOf(exchange.request.headers.accept),
    includeObject: exchange.query.get('includeObject'),
  };
}

/** GET of one object. */
export function getObject(exchange: ResourceExchange): void {
  sendJson(exchange.response, 200, present(exchange.kind, findObject(exchange), formOf(exchange)));
}

function parseContinue(token: string): Continuation {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Continuation;
  } catch {
    throw badRequest('continue key is not valid');
  }
}

/** What of a collection a request wants. */
interface ListRequest {
  limit: number;
  start: Continuation | undefined;
  /** Whether a selector leaves objects out, so that the number of those that remain is not known. */
  selects: boolean;
}

function parseListRequest(query: URLSearchParams): ListRequest {
  const token = query.get('continue') ?? '';
  return {
    limit: Number(query.get('limit') ?? 0),
    start: token === '' ? undefined : parseContinue(token),
    selects: (query.get('labelSelector') ?? '') !== '' || (query.get('fieldSelector') ?? '') !== '',
  };
}

/** Reads pages until `limit` objects match, or none are left; a later chunk shows the state of the first one. */
function collect(exchange: ResourceExchange, { limit, start }: ListRequest): Found {
  const { kind, namespace, query, objects } = exchange;
  const wanted = parseSelectors(kind, query);
  const found: Found = { objects: [], remaining: 0, after: start?.after };
  do {
    const page = objects.page(
      kind,
      {
        ...(namespace === undefined ? {} : { namespace }),
        ...(found.after === undefined ? {} : { after: found.after }),
        ...(limit > 0 ? { limit: limit - found.objects.length } : {}),
      },
      start?.version,
    );
    const last = page.objects.at(-1);
    if (last !== undefined)
      found.after = { namespace: last.metadata.namespace ?? '', name: last.metadata.name };
    found.objects.push(...page.objects.filter(wanted));
    found.remaining = page.remaining;
  } while (found.remaining > 0 && found.objects.length < limit);
  return found;
}

interface Found {
  objects: StoredObject[];
  remaining: number;
  after: Continuation['after'] | undefined;
}

/** GET of a collection, in chunks when `limit` is given. */
export function listObjects(exchange: ResourceExchange): void {
  const { kind, query, objects } = exchange;
  const form = formOf(exchange);
  const request = parseListRequest(query);
  const { objects: found, remaining, after } = collect(exchange, request);
  const version = request.start?.version ?? objects.version();
  const more =
    remaining === 0
      ? {}
      : {
          continue: Buffer.from(JSON.stringify({ version, after })).toString('base64url'),
          ...(request.selects ? {} : { remainingItemCount: remaining }),
        };
  const metadata = { resourceVersion: String(version), ...more };
  sendJson(exchange.response, 200, presentList(kind, found, metadata, form));
}
