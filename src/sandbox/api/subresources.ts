import type { Fields } from '../kinds/fields.ts';
import { at, child, isFields } from '../kinds/fields.ts';
import { apiVersionOf, subjectOf } from '../kinds/kind.ts';
import type { EvictionDecision } from '../controllers/index.ts';
import { mayEvict } from '../controllers/index.ts';
import type { StoredObject } from '../store/objects.ts';
import { timestamp } from '../store/timestamp.ts';
import { mediaType, parseDocument, readObject, readText } from './body.ts';
import { selectorText } from './cells.ts';
import { signToken } from './credentials.ts';
import type { ResourceExchange } from './exchange.ts';
import { keyOf, run, sendJson } from './exchange.ts';
import { applyPatch } from './patch.ts';
import { findObject } from './read.ts';
import { badRequest, invalid, StatusError } from './status-error.ts';
import { replace } from './write.ts';

/** A workload seen through its scale subresource. */
function scaleOf(object: StoredObject): StoredObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = selectorText(at(object, 'spec', 'selector'));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(namespace === undefined ? {} : { namespace }),
    },
    spec: { replicas: at(object, 'spec', 'replicas') ?? 0 },
    status: { replicas: at(object, 'status', 'replicas') ?? 0, selector },
  };
}

/** GET, PUT and PATCH of `…/scale`. */
export async function handleScale(exchange: ResourceExchange): Promise<void> {
  const { request, response, kind } = exchange;
  if (request.method === 'GET') {
    sendJson(response, 200, scaleOf(findObject(exchange)));
    return;
  }
  const isPatch = request.method === 'PATCH';
  const type = isPatch ? mediaType(request) : 'application/json';
  const body = isPatch ? await parseDocument(await readText(request), type) : await readObject(request);
  const work = (): StoredObject => {
    const before = findObject(exchange);
    const scale = isPatch ? applyPatch(kind, scaleOf(before), type, body) : (body as StoredObject);
    const replicas = at(scale, 'spec', 'replicas') ?? 0;
    if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
      throw invalid({ group: 'autoscaling', resource: 'scales', kind: 'Scale' }, before.metadata.name, [
        {
          reason: 'FieldValueInvalid',
          message: `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`,
          field: 'spec.replicas',
        },
      ]);
    }
    const after = structuredClone(before);
    after.spec = { ...(before.spec as Fields), replicas };
    const version = at(scale, 'metadata', 'resourceVersion');
    if (typeof version === 'string') after.metadata.resourceVersion = version;
    return scaleOf(replace(exchange, before, after));
  };
  sendJson(response, 200, run(exchange, work));
}

/** POST of `pods/NAME/eviction`: a deletion that a PodDisruptionBudget may refuse for now. */
export async function handleEviction(exchange: ResourceExchange): Promise<void> {
  const body = await readObject(exchange.request);
  const options = isFields(body['deleteOptions']) ? body['deleteOptions'] : {};
  const work = (): void => {
    const pod = findObject(exchange);
    const decision = mayEvict(exchange.objects, pod as Parameters<typeof mayEvict>[1]);
    if (!decision.allowed) throw refusedEviction(decision);
    const grace = options['gracePeriodSeconds'];
    exchange.objects.delete(keyOf(exchange), typeof grace === 'number' ? { gracePeriodSeconds: grace } : {});
  };
  if (options['dryRun'] !== undefined) exchange.query.set('dryRun', 'All');
  run(exchange, work);
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  sendJson(exchange.response, 201, status);
}

/** 429 for a budget that allows it later, 500 for budgets that contradict each other. */
function refusedEviction(decision: EvictionDecision & { allowed: false }): StatusError {
  if (decision.reason === 'tooManyBudgets') return new StatusError('InternalError', decision.message);
  const causes =
    decision.cause === undefined ? [] : [{ reason: 'DisruptionBudget', message: decision.cause }];
  return new StatusError('TooManyRequests', decision.message, { causes });
}

/** POST of `serviceaccounts/NAME/token`: a token that the sandbox accepts as this service account's. */
export async function handleToken(exchange: ResourceExchange, secret: string): Promise<void> {
  const body = await readObject(exchange.request);
  const account = findObject(exchange);
  const spec = child(body, 'spec') ?? {};
  const expirationSeconds = Number(spec['expirationSeconds'] ?? 3600);
  if (expirationSeconds < 600) {
    throw invalid({ group: 'authentication.k8s.io', resource: 'tokenrequests', kind: 'TokenRequest' }, '', [
      {
        reason: 'FieldValueInvalid',
        message: `Invalid value: ${expirationSeconds}: may not specify a duration less than 10 minutes`,
        field: 'spec.expirationSeconds',
      },
    ]);
  }
  const audiences = (spec['audiences'] as string[] | undefined) ?? ['https://kubernetes.default.svc'];
  const expires = new Date(Date.now() + expirationSeconds * 1000);
  const user = `system:serviceaccount:${account.metadata.namespace ?? ''}:${account.metadata.name}`;
  sendJson(exchange.response, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: account.metadata.name, namespace: account.metadata.namespace },
    spec: { ...spec, audiences, expirationSeconds },
    status: {
      token: signToken(secret, user, expires, audiences),
      expirationTimestamp: timestamp(expires.getTime()),
    },
  });
}

/** PUT of `namespaces/NAME/finalize`: writes the namespace's own finalizers. */
export async function handleFinalize(exchange: ResourceExchange): Promise<void> {
  const body = await readObject(exchange.request);
  const finalizers = at(body, 'spec', 'finalizers') ?? [];
  if (!Array.isArray(finalizers)) throw badRequest('spec.finalizers is not a list');
  const before = findObject(exchange);
  const left = exchange.objects.update({ ...before, spec: { ...(before.spec as Fields), finalizers } });
  sendJson(exchange.response, 200, left);
}

/** 405 as the real API server words it. */
export function methodNotAllowed(exchange: ResourceExchange): StatusError {
  return new StatusError(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {
      ...(exchange.kind.group === '' ? {} : { group: exchange.kind.group }),
      kind: subjectOf(exchange.kind).resource,
    },
  );
}

/** 404, as for any path that is not served; the message says what is missing. */
export function unsupportedSubresource(exchange: ResourceExchange): StatusError {
  return new StatusError(
    'NotFound',
    `the sandbox does not serve ${exchange.kind.plural}/${exchange.subresource ?? ''} (${apiVersionOf(exchange.kind)})`,
    // kubectl looks into the details of a 404 without asking whether there are any.
    {},
  );
}
