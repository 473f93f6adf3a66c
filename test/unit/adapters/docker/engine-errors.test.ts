import { describe, expect, it } from '@jest/globals';
import { buildFailure, isTransient, pushFailure } from '../../../../src/adapters/docker/engine-errors.ts';

describe('what the engine says of a push', () => {
  it.each([
    ['unauthorized: authentication required', 'unauthorized'],
    ['no basic auth credentials', 'unauthorized'],
    ['denied: requested access to the resource is denied', 'denied'],
    ['Failed to process request due to "web:1" configured as immutable.', 'immutable'],
    [
      'unknown: Failed to process request: received unexpected HTTP status: 412 Precondition Failed',
      'immutable',
    ],
    ['received unexpected HTTP status: 500 Internal Server Error', 'unreachable'],
    ['received unexpected HTTP status: 503 Service Unavailable', 'unreachable'],
    ['toomanyrequests: slow down', 'unreachable'],
    ['Put "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused', 'unreachable'],
    ['Patch "https://h/v2/": EOF', 'unreachable'],
    ['name unknown: project shop not found', 'notFound'],
    ['manifest invalid: manifest invalid', 'refused'],
  ])('"%s" is %s', (message, problem) => {
    expect(pushFailure('h/a:1', message)).toMatchObject({ problem });
    expect(isTransient(message)).toBe(problem === 'unreachable');
  });
});

describe('what the engine says of a build', () => {
  it.each([
    ["The command '/bin/sh -c curl http://x' returned a non-zero code: 500", 'build'],
    ['executor failed running [/bin/sh -c echo connection refused; false]: exit code: 1', 'build'],
    ['process "/bin/sh -c false" did not complete successfully: exit code: 1', 'build'],
    ['pull access denied for shop/base, repository does not exist or may require authorization', 'build'],
    ['manifest for node:99 not found: manifest unknown', 'build'],
    ['COPY failed: file not found in build context', 'build'],
    ['dial tcp: lookup registry-1.docker.io: no such host', 'registry'],
    ['Get "https://h/v2/": unauthorized: wrong password', 'registry'],
    ['write /var/lib/docker/x: no space left on device', 'builder-unavailable'],
  ])('"%s" is a fault of kind %s', (message, code) => {
    const error = buildFailure(message, '2/3 "RUN x"');

    expect(error.code).toBe(code);
    expect(error.message).toContain('Dockerfile step 2/3 "RUN x" failed: ');
  });
});
