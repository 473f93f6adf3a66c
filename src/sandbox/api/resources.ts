import { deleteCollection, deleteObject } from './delete.ts';
import type { ResourceExchange } from './exchange.ts';
import { getObject, listObjects } from './read.ts';
import {
  handleEviction,
  handleFinalize,
  handleScale,
  handleToken,
  methodNotAllowed,
  unsupportedSubresource,
} from './subresources.ts';
import { watchObjects } from './watch.ts';
import { createObject, patchObject, updateObject } from './write.ts';

type Handler = (exchange: ResourceExchange) => void | Promise<void>;

const isWatch = (exchange: ResourceExchange): boolean => /^(true|1)$/.test(exchange.query.get('watch') ?? '');

const ofCollection: Record<string, Handler> = {
  GET: (exchange) => (isWatch(exchange) ? watchObjects(exchange) : listObjects(exchange)),
  POST: createObject,
  DELETE: deleteCollection,
};
const ofObject: Record<string, Handler> = {
  GET: (exchange) => (isWatch(exchange) ? watchObjects(exchange) : getObject(exchange)),
  PUT: updateObject,
  PATCH: patchObject,
  DELETE: deleteObject,
};
const ofStatus: Record<string, Handler> = { GET: getObject, PUT: updateObject, PATCH: patchObject };
const ofScale: Record<string, Handler> = { GET: handleScale, PUT: handleScale, PATCH: handleScale };

/** Subresources of one kind alone. The pods' streams are served elsewhere. */
function ownHandlers(exchange: ResourceExchange, tokenSecret: string): Record<string, Handler> | undefined {
  switch (`${exchange.kind.kind}/${exchange.subresource ?? ''}`) {
    case 'Pod/eviction':
      return { POST: handleEviction };
    case 'ServiceAccount/token':
      return { POST: (own) => handleToken(own, tokenSecret) };
    case 'Namespace/finalize':
      return { PUT: handleFinalize };
    default:
      return undefined;
  }
}

function handlersOf(exchange: ResourceExchange, tokenSecret: string): Record<string, Handler> {
  const { kind, name, subresource } = exchange;
  if (name === undefined) return ofCollection;
  if (subresource === undefined) return ofObject;
  if (subresource === 'status' && kind.subresources.includes('status')) return ofStatus;
  if (subresource === 'scale' && kind.subresources.includes('scale')) return ofScale;
  const own = kind.group === '' ? ownHandlers(exchange, tokenSecret) : undefined;
  if (own === undefined) throw unsupportedSubresource(exchange);
  return own;
}

/**
 * Answers a request for stored objects.
 * @throws StatusError
 */
export async function handleResource(exchange: ResourceExchange, tokenSecret: string): Promise<void> {
  const handler = handlersOf(exchange, tokenSecret)[exchange.request.method ?? ''];
  if (handler === undefined) throw methodNotAllowed(exchange);
  await handler(exchange);
}
