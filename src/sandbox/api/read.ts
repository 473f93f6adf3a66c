import { defined } from '../kinds/fields.ts';
import type { StoredObject } from '../store/objects.ts';
import { integerOf } from './query-parameters.ts';
import { formOf, present, presentList } from './representation.ts';
import type { Answer, ApiRequest } from './request.ts';
import { findObject } from './request.ts';
import { parseSelectors } from './selectors.ts';
import { badRequest } from './status-error.ts';

/** Where a chunked list continues; the client gets it as an opaque token. */
interface Continuation {
  version: number;
  after: { namespace: string; name: string };
}

/** GET of one object. */
export function getObject(request: ApiRequest): Answer {
  return { code: 200, body: present(request.kind, findObject(request), formOf(request)) };
}

function parseContinue(token: string): Partial<Continuation> {
  if (token === '') return {};
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Continuation;
  } catch {
    throw badRequest('continue key is not valid');
  }
}

/** GET of a collection, in chunks when `limit` is given; a later chunk shows the state of the first one. */
export function listObjects(request: ApiRequest): Answer {
  const { kind, namespace, query, objects } = request;
  const form = formOf(request);
  const wanted = parseSelectors(kind, query);
  const limit = integerOf(query, 'limit') ?? 0;
  // A list answers at once, so nothing but its form counts.
  integerOf(query, 'timeoutSeconds');
  const start = parseContinue(query.get('continue') ?? '');
  const found: StoredObject[] = [];
  let { after } = start;
  let remaining: number;
  do {
    const size = limit > 0 ? limit - found.length : undefined;
    const page = objects.page(kind, defined({ namespace, after, limit: size }), start.version);
    const last = page.objects.at(-1)?.metadata;
    if (last !== undefined) after = { namespace: last.namespace ?? '', name: last.name };
    found.push(...page.objects.filter(wanted));
    ({ remaining } = page);
  } while (remaining > 0 && found.length < limit);
  const version = start.version ?? objects.version();
  const more = { continue: Buffer.from(JSON.stringify({ version, after })).toString('base64url') };
  // Where a selector leaves objects out, the number of those that remain is not known.
  const isWhole = !query.get('labelSelector') && !query.get('fieldSelector');
  const metadata = {
    resourceVersion: String(version),
    ...(remaining === 0 ? {} : more),
    ...(remaining > 0 && isWhole ? { remainingItemCount: remaining } : {}),
  };
  return { code: 200, body: presentList(kind, found, metadata, form) };
}
