import { randomInt } from 'node:crypto';
import { defined } from '../kinds/fields.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import type { Change } from '../store/records.ts';
import type { StoredObject } from '../store/objects.ts';
import { booleanOf, integerOf } from './query-parameters.ts';
import { formOf, present } from './representation.ts';
import type { ApiRequest } from './request.ts';
import type { Predicate } from './selectors.ts';
import { parseSelectors } from './selectors.ts';
import { badRequest, StatusError } from './status-error.ts';

/** How often a bookmark tells a quiet watch how far it has come. */
const bookmarkIntervalMs = 60_000;
/** A client that reads slower than this many bytes behind is cut off; it continues from its last resourceVersion. */
const maxBufferedBytes = 16 * 1024 * 1024;

/** A change as it looks through a selector: an object may come into its view or leave it; undefined for neither. */
function seenThrough(
  change: Change,
  isWanted: Predicate,
): { type: Change['type']; object: StoredObject } | undefined {
  const { type, object, previous } = change;
  const before = previous !== undefined && isWanted(previous) ? previous : undefined;
  if (type !== 'DELETED' && isWanted(object)) return { type: before ? 'MODIFIED' : 'ADDED', object };
  if (before === undefined) return undefined;
  if (type === 'DELETED') return { type, object };
  // An object that leaves the view is sent as it last was in it, at the version of the change.
  const { resourceVersion } = object.metadata;
  return { type: 'DELETED', object: { ...before, metadata: { ...before.metadata, resourceVersion } } };
}

/** The version to continue from; undefined for "from what is there now". */
function startVersion({ query, objects }: ApiRequest, initialEvents: boolean): number | undefined {
  const given = query.get('resourceVersion') ?? '';
  if (given === '' || given === '0' || initialEvents) return undefined;
  const version = Number(given);
  if (!Number.isSafeInteger(version) || version < 0)
    throw badRequest(`Invalid value: ${JSON.stringify(given)}`);
  const current = objects.version();
  if (version <= current) return version;
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  const message = `Too large resource version: ${version}, current: ${current}`;
  throw new StatusError('Timeout', message, { causes, retryAfterSeconds: 1 });
}

/** Which objects a watch is about: those of its path that its selectors match. */
function viewOf({ kind, namespace, name, query }: ApiRequest): Predicate {
  const selected = parseSelectors(kind, query);
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name) &&
    selected(object);
}

/** The client's side of a watch: a line of JSON an event. */
function eventStream({ kind, objects, response }: ApiRequest): {
  write: (type: string, object: unknown) => void;
  bookmark: (annotations?: Record<string, string>) => void;
} {
  const write = (type: string, object: unknown): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
    if (response.writableLength > maxBufferedBytes) response.destroy();
  };
  const bookmark = (annotations?: Record<string, string>): void => {
    const resourceVersion = String(objects.version());
    const metadata = { creationTimestamp: null, resourceVersion, ...defined({ annotations }) };
    write('BOOKMARK', { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata });
  };
  return { write, bookmark };
}

/** GET of a collection with `watch`: events until the timeout or the client's end. */
export function watchObjects(request: ApiRequest): undefined {
  const { kind, query, objects, response } = request;
  const isWanted = viewOf(request);
  const form = formOf(request);
  const bookmarks = booleanOf(query, 'allowWatchBookmarks');
  const initialEvents = booleanOf(query, 'sendInitialEvents');
  const timeoutSeconds = integerOf(query, 'timeoutSeconds') ?? 0;
  const version = startVersion(request, initialEvents);
  const { write, bookmark } = eventStream(request);

  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
  let stop: () => void;
  try {
    stop = objects.watch(kind, version, (change) => {
      const seen = seenThrough(change, isWanted);
      if (seen !== undefined) write(seen.type, present(kind, seen.object, form));
    });
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    // Here, as in the real API server, 410 comes as an event of a watch that was accepted.
    write('ERROR', error.toStatus());
    response.end();
    return;
  }
  if (initialEvents && bookmarks) bookmark({ 'k8s.io/initial-events-end': 'true' });
  const timer = bookmarks ? setInterval(bookmark, bookmarkIntervalMs) : undefined;
  const deadline = setTimeout(
    () => {
      if (bookmarks) bookmark();
      response.end();
    },
    (timeoutSeconds > 0 ? timeoutSeconds : randomInt(1800, 3600)) * 1000,
  );
  response.on('close', () => {
    stop();
    clearInterval(timer);
    clearTimeout(deadline);
  });
}
