import type { IncomingMessage } from 'node:http';
import { at } from '../kinds/fields.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import { mediaType, readBody } from './body.ts';
import { streamLog } from './log.ts';
import { booleanOf } from './query-parameters.ts';
import { getObject, listObjects } from './read.ts';
import type { Answer, ApiRequest } from './request.ts';
import { badRequest, StatusError } from './status-error.ts';
import { evict, finalizeNamespace, getScale, issueToken, review, writeScale } from './subresources.ts';
import { watchObjects } from './watch.ts';
import { createObject, deleteCollection, deleteObject, patchObject, updateObject } from './write.ts';

/** Does what a request wants; undefined when it answered by itself. */
type Handler = (request: ApiRequest) => Answer | undefined | Promise<undefined>;

const orWatch =
  (read: Handler): Handler =>
  (request) =>
    request.isWatch || booleanOf(request.query, 'watch') ? watchObjects(request) : read(request);

const ofCollection: Record<string, Handler> = {
  GET: orWatch(listObjects),
  POST: createObject,
  DELETE: deleteCollection,
};
const ofObject: Record<string, Handler> = {
  GET: orWatch(getObject),
  PUT: updateObject,
  PATCH: patchObject,
  DELETE: deleteObject,
};
/** The pods' other streams leave HTTP and are served elsewhere. */
const ofSubresource: Record<string, Record<string, Handler>> = {
  status: { GET: getObject, PUT: updateObject, PATCH: patchObject },
  scale: { GET: getScale, PUT: writeScale, PATCH: writeScale },
  log: { GET: streamLog },
  eviction: { POST: evict },
  token: { POST: issueToken },
  finalize: { PUT: finalizeNamespace },
};

function handlersOf({ kind, name, subresource, isWatch }: ApiRequest): Record<string, Handler> {
  if (kind.isReview) return { POST: review };
  if (isWatch) return { GET: watchObjects };
  if (subresource === undefined) return name === undefined ? ofCollection : ofObject;
  const isKnown = kind.subresources.some((known) => known === subresource);
  const handlers = isKnown ? ofSubresource[subresource] : undefined;
  if (handlers !== undefined) return handlers;
  const message = `the sandbox does not serve ${kind.plural}/${subresource} (${apiVersionOf(kind)})`;
  // kubectl looks into the details of a 404 without asking whether there are any.
  throw new StatusError('NotFound', message, {});
}

/** Whether the checks of a write are wanted and nothing else: `dryRun=All`, or the same in a deletion's options. */
function isDryRun({ query, method, subresource, body }: ApiRequest): boolean {
  const given = query.getAll('dryRun');
  if (given.some((value) => value !== 'All' && value !== '')) {
    throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(given)}: supported values: "All"`);
  }
  const options = subresource === 'eviction' ? at(body, 'deleteOptions') : body;
  const isDeletion = method === 'DELETE' || subresource === 'eviction';
  return given.includes('All') || (isDeletion && at(options, 'dryRun') !== undefined);
}

/**
 * Does what a request for stored objects wants; undefined when it answered by itself.
 * @throws StatusError
 */
export async function handleResource(
  request: Omit<ApiRequest, 'body' | 'type'>,
  incoming: IncomingMessage,
): Promise<Answer | undefined> {
  const { method, kind, objects } = request;
  const whole: ApiRequest = { ...request, type: mediaType(incoming), body: {} };
  const handler = handlersOf(whole)[method];
  if (handler === undefined) {
    const message = 'the server does not allow this method on the requested resource';
    const group = kind.group === '' ? {} : { group: kind.group };
    throw new StatusError('MethodNotAllowed', message, { ...group, kind: kind.plural });
  }
  if (method === 'GET') return handler(whole);
  whole.body = await readBody(incoming);
  return objects[isDryRun(whole) ? 'dryRun' : 'commit'](() => handler(whole));
}
