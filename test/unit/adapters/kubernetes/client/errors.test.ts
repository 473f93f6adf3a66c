import { describe, expect, it } from '@jest/globals';
import {
  errorOfResponse,
  parseStatusBody,
  reasonOf,
  retryAfterMs,
} from '../../../../../src/adapters/kubernetes/client/errors.ts';

const what = 'create pods "x" in namespace "ci"';

describe('the API’s refusals', () => {
  it.each<[number, string, string, string]>([
    [401, 'Unauthorized', 'Unauthorized', 'UnauthorizedError'],
    [403, 'Forbidden', 'pods is forbidden: User "u" cannot create resource "pods"', 'ForbiddenError'],
    [
      403,
      'Forbidden',
      'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5',
      'QuotaError',
    ],
    [403, 'Forbidden', 'pods "x" is forbidden: failed quota: q: must specify limits.cpu', 'QuotaError'],
    [
      403,
      'Forbidden',
      'pods "x" is forbidden: unable to create new content in namespace ci because it is being terminated',
      'TerminatingError',
    ],
    [403, 'Forbidden', 'admission webhook "w" denied the request: no', 'RejectedError'],
    [403, 'Forbidden', 'pods "x" is forbidden: violates PodSecurity "restricted"', 'RejectedError'],
    // Of 1.36.
    [
      403,
      'Forbidden',
      "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'no-latest' with binding 'no-latest' denied request: use a digest",
      'RejectedError',
    ],
    // Of 1.20 and 1.36.
    [
      403,
      'Forbidden',
      'pods "x" is forbidden: maximum memory usage per Container is 32Mi, but limit is 64Mi',
      'RejectedError',
    ],
    [
      403,
      'Forbidden',
      'pods "x" is forbidden: error looking up service account ci/builder: serviceaccount "builder" not found',
      'RejectedError',
    ],
    [403, 'Forbidden', 'pods "x" is forbidden: not yet ready to handle request', 'UnreachableError'],
    [
      403,
      'Forbidden',
      'roles.rbac.authorization.k8s.io "r" is forbidden: user "u" (groups=["g"]) is attempting to grant RBAC permissions not currently held',
      'ForbiddenError',
    ],
    [403, 'Forbidden', 'forbidden: User "system:anonymous" cannot get path "/version"', 'ForbiddenError'],
    [404, 'NotFound', 'namespaces "ci" not found', 'NotFoundError'],
    [409, 'AlreadyExists', 'pods "x" already exists', 'ConflictError'],
    [410, 'Expired', 'too old resource version', 'ClusterError'],
    [422, 'Invalid', 'Pod "x" is invalid', 'RejectedError'],
    [429, 'TooManyRequests', 'slow down', 'UnreachableError'],
    [500, '', 'failed to create typed patch object: .spec.replicas: expected numeric', 'RejectedError'],
    [
      500,
      '',
      'failed to create typed patch object (ci/x; /v1, Kind=Pod): .spec.x: field not declared in schema',
      'RejectedError',
    ],
    [
      500,
      '',
      'failed to convert new object to proper version: unable to convert unstructured object to /v1, Kind=Pod: quantities must match the regular expression',
      'RejectedError',
    ],
    [400, 'BadRequest', 'failed to create typed patch object: .spec.x: field not declared', 'RejectedError'],
    [500, 'InternalError', 'failed calling webhook "w": connection refused', 'UnreachableError'],
    [500, 'InternalError', 'etcdserver: request timed out', 'UnreachableError'],
    [503, 'ServiceUnavailable', 'apiserver not ready', 'UnreachableError'],
  ])('%i %s "%s" is a %s', (status, reason, message, name) => {
    const error = errorOfResponse({ status, body: { reason, message }, retryAfter: undefined }, what);

    expect(error.name).toBe(name);
    expect(error.status).toBe(status);
    expect(error.message).toContain(what);
  });

  it.each([
    [{ reason: 'Forbidden', message: 'pods is forbidden: User "u" cannot create resource "pods"' }, true],
    [{ message: 'a proxy says no' }, true],
    [{ reason: 'Forbidden', message: 'policy "p" denied request: no' }, false],
    [{ reason: 'Forbidden', message: 'maximum cpu usage per Pod is 1, but limit is 2' }, false],
  ])('speaks of missing rights only where it is about them: %j', (body, isAboutRights) => {
    const { hint = '' } = errorOfResponse({ status: 403, body, retryAfter: undefined }, what);

    expect(hint.includes('lack this right')).toBe(isAboutRights);
  });

  it.each([
    ['exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5', false],
    ['exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0', false],
    [
      'exceeded quota: q, requested: limits.cpu=500m,pods=1, used: limits.cpu=0,pods=1, limited: limits.cpu=1,pods=1',
      false,
    ],
    ['exceeded quota: q, requested: limits.cpu=4, used: limits.cpu=0, limited: limits.cpu=2500m', true],
    [
      'exceeded quota: q, requested: requests.memory=3Gi, used: requests.memory=0, limited: requests.memory=2G',
      true,
    ],
    ['status unknown for quota: q, resources: pods', false],
    ['failed quota: q: must specify limits.cpu,limits.memory', true], // 1.20
    ['failed quota: q: must specify limits.cpu for: sh; requests.memory for: db,sh', true], // 1.36
    ['failed quota: q: must specify memory', true],
  ])('knows whether waiting helps: %s', (detail, isFinal) => {
    const body = { reason: 'Forbidden', message: `pods "x" is forbidden: ${detail}` };

    expect(errorOfResponse({ status: 403, body, retryAfter: undefined }, what)).toMatchObject({
      name: 'QuotaError',
      isFinal,
    });
  });

  it('takes the first line of what is no Status object', () => {
    expect(parseStatusBody('<html>Bad Gateway</html>\nmore')).toEqual({
      message: '<html>Bad Gateway</html>',
    });
  });

  it.each<[string | undefined, number | undefined, number | undefined]>([
    ['2', undefined, 2000],
    ['Thu, 01 Jan 1970 00:00:05 GMT', undefined, 4000],
    [undefined, 3, 3000],
    [undefined, undefined, undefined],
  ])('reads Retry-After %j, details %j', (retryAfter, retryAfterSeconds, ms) => {
    const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };

    expect(retryAfterMs({ status: 429, body: details, retryAfter }, 1000)).toBe(ms);
  });

  it('names the innermost reason of a connection that failed', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });

    expect(reasonOf(new AggregateError([refused]))).toBe('connect ECONNREFUSED 127.0.0.1:1');
    expect(reasonOf(new Error('', { cause: refused }))).toContain('ECONNREFUSED');
  });
});
