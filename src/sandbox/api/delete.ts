import type { IncomingMessage } from 'node:http';
import { at, isFields, scalarText } from '../kinds/fields.ts';
import type { DeleteOptions, StoredObject } from '../store/objects.ts';
import { readObject } from './body.ts';
import type { ResourceExchange } from './exchange.ts';
import { keyOf, run, sendJson } from './exchange.ts';
import { findObject, formOf } from './read.ts';
import { presentList } from './representation.ts';
import { parseSelectors } from './selectors.ts';
import { answer } from './write.ts';

/** Kinds whose deletion answers with the object, not with a Status. */
const answersWithObject = new Set([
  'Pod',
  'Service',
  'ServiceAccount',
  'PersistentVolume',
  'PersistentVolumeClaim',
]);

async function deleteOptions(exchange: ResourceExchange, request: IncomingMessage): Promise<DeleteOptions> {
  const body = await readObject(request);
  const option = (name: string): unknown => body[name] ?? exchange.query.get(name) ?? undefined;
  if (body['dryRun'] !== undefined) exchange.query.set('dryRun', 'All');
  const grace = option('gracePeriodSeconds');
  const orphan = scalarText(option('orphanDependents'));
  const given = option('propagationPolicy') as DeleteOptions['propagation'];
  const inherited = orphan === '' ? undefined : orphan === 'true' ? 'Orphan' : 'Background';
  // A Job that is deleted without a policy leaves its pods, for compatibility with old clients.
  const ofKind = exchange.kind.kind === 'Job' ? 'Orphan' : undefined;
  const propagation = given ?? inherited ?? ofKind;
  const preconditions = isFields(body['preconditions']) ? body['preconditions'] : undefined;
  return {
    ...(propagation === undefined ? {} : { propagation }),
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(preconditions === undefined ? {} : { preconditions }),
  };
}

/** DELETE of one object. */
export async function deleteObject(exchange: ResourceExchange): Promise<void> {
  const { kind, response, objects } = exchange;
  const options = await deleteOptions(exchange, exchange.request);
  const work = (): { stored: StoredObject; left: StoredObject | undefined } => {
    const found = findObject(exchange);
    objects.delete(keyOf(exchange), options);
    return { stored: found, left: objects.get(keyOf(exchange)) };
  };
  const { stored, left } = run(exchange, work);
  if (left !== undefined || answersWithObject.has(kind.kind)) {
    answer(exchange, 200, left ?? stored);
    return;
  }
  sendJson(response, 200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: stored.metadata.name,
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.plural,
      uid: at(stored, 'metadata', 'uid'),
    },
  });
}

/** DELETE of a collection: all that the selectors match. */
export async function deleteCollection(exchange: ResourceExchange): Promise<void> {
  const { kind, namespace, objects } = exchange;
  const wanted = parseSelectors(kind, exchange.query);
  const options = await deleteOptions(exchange, exchange.request);
  const found = run(exchange, () => {
    const page = objects.page(kind, namespace === undefined ? {} : { namespace });
    const matching = page.objects.filter(wanted);
    for (const object of matching) {
      const { name, namespace: own } = object.metadata;
      objects.delete(keyOf({ ...exchange, namespace: own }, name), options);
    }
    return matching;
  });
  const metadata = { resourceVersion: String(objects.version()) };
  sendJson(exchange.response, 200, presentList(kind, found, metadata, formOf(exchange)));
}
