import { subjectOf } from '../kinds/kind.ts';
import type { StoredObject } from '../store/objects.ts';
import type { ResourceExchange } from './exchange.ts';
import { sendJson } from './exchange.ts';
import { present, presentList, representationOf } from './representation.ts';
import { parseSelectors } from './selectors.ts';
import { badRequest, expired, notFound } from './status-error.ts';

/** Where a chunked list goes on; the client gets it as an opaque token. */
interface Continuation {
  version: number;
  after: { namespace: string; name: string };
}

/** The object that the path names. @throws StatusError NotFound. */
export function findObject(exchange: ResourceExchange): StoredObject {
  const { kind, namespace, name = '' } = exchange;
  const key = { kind: kind.kind, group: kind.group, name, ...(namespace === undefined ? {} : { namespace }) };
  const object = exchange.objects.get(key);
  if (object === undefined) throw notFound(subjectOf(kind), name);
  // A custom kind of several versions is stored once; it is read in the version that was asked for.
  if (kind.model === undefined) object.apiVersion = `${kind.group}/${kind.version}`;
  return object;
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

/**
 * GET of a collection, in chunks when `limit` is given. Unlike the real API server a later chunk shows the state
 * of now, not that of the first chunk.
 */
export function listObjects(exchange: ResourceExchange): void {
  const { kind, namespace, query, objects } = exchange;
  const wanted = parseSelectors(kind, query);
  const limit = Number(query.get('limit') ?? 0);
  const token = query.get('continue') ?? '';
  const start = token === '' ? undefined : parseContinue(token);
  if (start !== undefined && start.version < objects.version() - 100_000) {
    throw expired('The provided continue parameter is too old to display a consistent list result.');
  }
  const range = namespace === undefined ? {} : { namespace };
  const found: StoredObject[] = [];
  let after = start?.after;
  let remaining: number;
  do {
    const page = objects.page(kind, {
      ...range,
      ...(after === undefined ? {} : { after }),
      ...(limit > 0 ? { limit: limit - found.length } : {}),
    });
    remaining = page.remaining;
    const last = page.objects.at(-1);
    if (last !== undefined) after = { namespace: last.metadata.namespace ?? '', name: last.metadata.name };
    found.push(...page.objects.filter(wanted));
  } while (remaining > 0 && found.length < limit);
  const version = start?.version ?? objects.version();
  const selects = (query.get('labelSelector') ?? '') !== '' || (query.get('fieldSelector') ?? '') !== '';
  const metadata = {
    resourceVersion: String(version),
    ...(remaining === 0 || after === undefined
      ? {}
      : {
          continue: Buffer.from(JSON.stringify({ version, after })).toString('base64url'),
          ...(selects ? {} : { remainingItemCount: remaining }),
        }),
  };
  sendJson(exchange.response, 200, presentList(kind, found, metadata, formOf(exchange)));
}
