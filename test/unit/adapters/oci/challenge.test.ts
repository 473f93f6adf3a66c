import { describe, expect, it } from '@jest/globals';
import { parseChallenge } from '../../../../src/adapters/oci/challenge.ts';

describe('a registry’s challenge', () => {
  it.each([
    ['Basic realm="Registry Realm"', { scheme: 'basic' }],
    ['basic', { scheme: 'basic' }],
    [
      'Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a/b:pull,push"',
      {
        scheme: 'bearer',
        realm: 'https://auth.example.com/token',
        service: 'registry',
        scope: 'repository:a/b:pull,push',
      },
    ],
    ['Bearer realm=https://auth/token', { scheme: 'bearer', realm: 'https://auth/token' }],
    [['Basic realm="x"', 'Bearer realm="https://a/t"'], { scheme: 'bearer', realm: 'https://a/t' }],
    ['Negotiate', undefined],
    ['Bearer service="x"', undefined],
    [undefined, undefined],
  ])('%j is read as %j', (header, expected) => {
    expect(parseChallenge(header)).toEqual(expected);
  });
});
