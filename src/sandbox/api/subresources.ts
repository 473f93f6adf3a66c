import { mayEvict } from '../controllers/index.ts';
import type { Fields } from '../../base/fields.ts';
import { at, child, defined } from '../kinds/fields.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import { invalidValue } from '../kinds/rules.ts';
import type { StoredObject } from '../store/objects.ts';
import { timestamp } from '../store/timestamp.ts';
import { selectorText } from './cells.ts';
import { signToken } from './credentials.ts';
import { applyPatch } from './patch.ts';
import type { Answer, ApiRequest } from './request.ts';
import { findObject, keyOf, objectIn } from './request.ts';
import { badRequest, invalid, StatusError, success } from './status-error.ts';
import { replace } from './write.ts';

/** A workload seen through its scale subresource. */
function scaleOf(object: StoredObject): StoredObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = selectorText(at(object, 'spec', 'selector'));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, uid, resourceVersion, creationTimestamp, ...defined({ namespace }) },
    spec: { replicas: at(object, 'spec', 'replicas') ?? 0 },
    status: { replicas: at(object, 'status', 'replicas') ?? 0, selector },
  };
}

/** GET of `…/scale`. */
export function getScale(request: ApiRequest): Answer {
  return { code: 200, body: scaleOf(findObject(request)) };
}

/** PUT and PATCH of `…/scale`. */
export function writeScale(request: ApiRequest): Answer {
  const { method, kind, type, body } = request;
  const before = findObject(request);
  const scale = method === 'PATCH' ? applyPatch(kind, scaleOf(before), type, body) : objectIn(request);
  const replicas = at(scale, 'spec', 'replicas') ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    const cause = invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
    throw invalid({ group: 'autoscaling', resource: 'scales', kind: 'Scale' }, before.metadata.name, [cause]);
  }
  const after = structuredClone(before);
  after.spec = { ...(before.spec as Fields), replicas };
  const version = at(scale, 'metadata', 'resourceVersion');
  if (typeof version === 'string') after.metadata.resourceVersion = version;
  return { code: 200, body: scaleOf(replace(request, before, after)) };
}

/**
 * POST of `pods/NAME/eviction`: a deletion that a PodDisruptionBudget may refuse for now.
 * @throws StatusError TooManyRequests for a budget that allows it later, InternalError for two budgets of one pod.
 */
export function evict(request: ApiRequest): Answer {
  const grace = at(request.body, 'deleteOptions', 'gracePeriodSeconds');
  const pod = findObject(request) as Parameters<typeof mayEvict>[1];
  const decision = mayEvict(request.objects, pod);
  if (!decision.allowed) {
    const { reason, message, cause } = decision;
    if (reason === 'too-many-budgets') throw new StatusError('InternalError', message);
    const causes = cause === undefined ? [] : [{ reason: 'DisruptionBudget', message: cause }];
    throw new StatusError('TooManyRequests', message, { causes });
  }
  request.objects.delete(keyOf(request), typeof grace === 'number' ? { gracePeriodSeconds: grace } : {});
  return { code: 201, body: success({ code: 201 }) };
}

/** POST of `serviceaccounts/NAME/token`: a token that the sandbox accepts as this service account's. */
export function issueToken(request: ApiRequest): Answer {
  const { name, namespace = '' } = findObject(request).metadata;
  const spec = child(objectIn(request), 'spec') ?? {};
  const expirationSeconds = Number(spec['expirationSeconds'] ?? 3600);
  if (expirationSeconds < 600) {
    const message = 'may not specify a duration less than 10 minutes';
    throw invalid({ group: 'authentication.k8s.io', resource: 'tokenrequests', kind: 'TokenRequest' }, '', [
      invalidValue('spec.expirationSeconds', expirationSeconds, message),
    ]);
  }
  const audiences = (spec['audiences'] as string[] | undefined) ?? ['https://kubernetes.default.svc'];
  const expires = new Date(Date.now() + expirationSeconds * 1000);
  const user = `system:serviceaccount:${namespace}:${name}`;
  const token = signToken(request.credentials.tokenSecret, user, expires, audiences);
  const body = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace },
    spec: { ...spec, audiences, expirationSeconds },
    status: { token, expirationTimestamp: timestamp(expires.getTime()) },
  };
  return { code: 201, body };
}

/** PUT of `namespaces/NAME/finalize`: writes the namespace's own finalizers. */
export function finalizeNamespace(request: ApiRequest): Answer {
  const finalizers = at(request.body, 'spec', 'finalizers') ?? [];
  if (!Array.isArray(finalizers)) throw badRequest('spec.finalizers is not a list');
  const before = findObject(request);
  const spec = { ...(before.spec as Fields), finalizers };
  return { code: 200, body: request.objects.update({ ...before, spec }) };
}

const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], nonResourceURLs: ['*'] };

/** The sandbox has no authorization: everybody who is known may do everything, and reviews say so. */
function statusOf(kind: string, user: string): Fields {
  const own = user.startsWith('system:serviceaccount:') ? 'system:serviceaccounts' : 'system:masters';
  switch (kind) {
    case 'SelfSubjectReview':
      return { userInfo: { username: user, groups: [own, 'system:authenticated'] } };
    case 'SelfSubjectRulesReview': {
      const { nonResourceURLs, verbs, ...resources } = everything;
      return {
        resourceRules: [{ verbs, ...resources }],
        nonResourceRules: [{ verbs, nonResourceURLs }],
        incomplete: false,
      };
    }
    default:
      return { allowed: true, reason: 'the sandbox has no authorization' };
  }
}

/** POST of a review: of oneself, the only ones that the sandbox has. */
export function review(request: ApiRequest): Answer {
  const { kind, user } = request;
  const { spec } = objectIn(request);
  const type = { kind: kind.kind, apiVersion: apiVersionOf(kind) };
  return {
    code: 201,
    body: { ...type, metadata: {}, ...defined({ spec }), status: statusOf(kind.kind, user) },
  };
}
