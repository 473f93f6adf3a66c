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
      'RejectedError',
    ],
    [403, 'Forbidden', 'admission webhook "w" denied the request: no', 'RejectedError'],
    [403, 'Forbidden', 'pods "x" is forbidden: violates PodSecurity "restricted"', 'RejectedError'],
    [404, 'NotFound', 'namespaces "ci" not found', 'NotFoundError'],
    [409, 'AlreadyExists', 'pods "x" already exists', 'ConflictError'],
    [410, 'Expired', 'too old resource version', 'ClusterError'],
    [422, 'Invalid', 'Pod "x" is invalid', 'RejectedError'],
    [429, 'TooManyRequests', 'slow down', 'UnreachableError'],
    [500, 'InternalError', 'etcdserver: request timed out', 'UnreachableError'],
    [503, 'ServiceUnavailable', 'apiserver not ready', 'UnreachableError'],
  ])('%i %s "%s" is a %s', (status, reason, message, name) => {
    const error = errorOfResponse({ status, body: { reason, message }, retryAfter: undefined }, what);

    expect(error.name).toBe(name);
    expect(error.status).toBe(status);
    expect(error.message).toContain(what);
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
