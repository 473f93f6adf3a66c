import { randomInt } from 'node:crypto';
import { apiVersionOf } from '../kinds/kind.ts';
import type { Change } from '../store/create-objects.ts';
import type { StoredObject } from '../store/objects.ts';
import type { ResourceExchange } from './exchange.ts';
import { formOf } from './read.ts';
import { present } from './representation.ts';
import type { Predicate } from './selectors.ts';
import { parseSelectors } from './selectors.ts';
import { badRequest, StatusError } from './status-error.ts';

/** How often a bookmark tells a quiet watch how far it has come. */
const bookmarkIntervalMs = 60_000;
/** A client that reads slower than this many bytes behind is cut off; it goes on from its last resourceVersion. */
const maxBufferedBytes = 16 * 1024 * 1024;

type EventType = Change['type'];

/** What a change looks like through a selector: an object may come into its view or leave it. */
function seenThrough(change: Change, wanted: Predicate): EventType | undefined {
  const now = change.type !== 'DELETED' && wanted(change.object);
  const before = change.previous !== undefined && wanted(change.previous);
  if (now) return before ? 'MODIFIED' : 'ADDED';
  return before ? 'DELETED' : undefined;
}

/** The version to go on from; undefined for "from what is there now". */
function startVersion(exchange: ResourceExchange, initialEvents: boolean): number | undefined {
  const given = exchange.query.get('resourceVersion') ?? '';
  if (given === '' || given === '0' || initialEvents) return undefined;
  const version = Number(given);
  if (!Number.isSafeInteger(version) || version < 0)
    throw badRequest(`Invalid value: ${JSON.stringify(given)}`);
  const current = exchange.objects.version();
  if (version > current) {
    throw new StatusError('Timeout', `Too large resource version: ${version}, current: ${current}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
  }
  return version;
}

/** GET of a collection with `watch=true`: a line of JSON an event, until the timeout or the client's end. */
export function watchObjects(exchange: ResourceExchange): void {
  const { kind, namespace, name, query, objects, response } = exchange;
  const selected = parseSelectors(kind, query);
  const wanted: Predicate = (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name) &&
    selected(object);
  const form = formOf(exchange);
  const bookmarks = query.get('allowWatchBookmarks') === 'true';
  const initialEvents = query.get('sendInitialEvents') === 'true';

  const write = (type: string, object: unknown): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
    if (response.writableLength > maxBufferedBytes) response.destroy();
  };
  const bookmark = (annotations?: Record<string, string>): void => {
    write('BOOKMARK', {
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      metadata: {
        creationTimestamp: null,
        resourceVersion: String(objects.version()),
        ...(annotations === undefined ? {} : { annotations }),
      },
    });
  };
  const tell = (change: Change): void => {
    const type = seenThrough(change, wanted);
    if (type === undefined) return;
    // An object that leaves the view is told of as it last was in it, at the version of the change.
    const object: StoredObject =
      type === 'DELETED' && change.type !== 'DELETED' && change.previous !== undefined
        ? {
            ...change.previous,
            metadata: {
              ...change.previous.metadata,
              resourceVersion: change.object.metadata.resourceVersion,
            },
          }
        : change.object;
    write(type, present(kind, object, form));
  };

  const version = startVersion(exchange, initialEvents);
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
  let stop: () => void;
  try {
    stop = objects.watch(kind, version, tell);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    // Here, as in the real API server, 410 comes as an event of a watch that was accepted.
    write('ERROR', error.toStatus());
    response.end();
    return;
  }
  if (initialEvents && bookmarks) bookmark({ 'k8s.io/initial-events-end': 'true' });
  const timeoutSeconds = Number(query.get('timeoutSeconds') ?? 0) || randomInt(1800, 3600);
  const timer = bookmarks ? setInterval(bookmark, bookmarkIntervalMs) : undefined;
  const deadline = setTimeout(() => {
    if (bookmarks) bookmark();
    response.end();
  }, timeoutSeconds * 1000);
  response.on('close', () => {
    stop();
    clearInterval(timer);
    clearTimeout(deadline);
  });
}
