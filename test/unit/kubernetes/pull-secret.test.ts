import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';
import { isLoginFor, readPullSecret } from '../../../src/kubernetes/pull-secret.ts';

const repository = 'harbor.example.com/shop/web';

describe('isLoginFor', () => {
  it.each([
    ['harbor.example.com', repository],
    ['https://harbor.example.com', repository],
    ['https://harbor.example.com/v2/', repository],
    ['HARBOR.example.com/', repository],
    ['harbor.example.com/shop', repository],
    ['*.example.com', repository],
    ['127.0.0.1:5000', '127.0.0.1:5000/shop/web'],
    ['https://index.docker.io/v1/', 'docker.io/ada/web'],
    ['docker.io', 'docker.io/ada/web'],
  ])('%s is one for %s', (server, image) => {
    expect(isLoginFor(server, image)).toBe(true);
  });

  it.each([
    ['example.com', repository],
    ['*.com', repository],
    ['harbor.example.com/other', repository],
    ['127.0.0.1:5001', '127.0.0.1:5000/shop/web'],
    ['127.0.0.1', '127.0.0.1:5000/shop/web'],
    ['', repository],
  ])('%s is none for %s', (server, image) => {
    expect(isLoginFor(server, image)).toBe(false);
  });
});

describe('readPullSecret', () => {
  const secret = (type: string | undefined, data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'pull' },
    ...defined({ type }),
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  });

  it('keeps the registries and none of the logins', () => {
    const config = JSON.stringify({
      auths: { 'a.example.com': { auth: 'c2VjcmV0' }, b: { username: 'ada' } },
    });

    const read = readPullSecret(secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': config }));

    expect(read).toEqual({ type: 'read', servers: ['a.example.com', 'b'] });
  });

  it('reads the older form, and what manifests write as text', () => {
    const older = secret('kubernetes.io/dockercfg', { '.dockercfg': '{"a.example.com":{"auth":"x"}}' });
    const text = {
      ...secret('kubernetes.io/dockerconfigjson', {}),
      stringData: { '.dockerconfigjson': '{"auths":{"b":{"auth":"x"}}}' },
    };

    expect(readPullSecret(older)).toEqual({ type: 'read', servers: ['a.example.com'] });
    expect(readPullSecret(text)).toEqual({ type: 'read', servers: ['b'] });
  });

  it.each(['no JSON', '[]', '{"auths":3}', '{}', '{"auths":{"b":{}},"credsStore":"desktop"}'])(
    'finds no login in %s',
    (config) => {
      const read = readPullSecret(secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': config }));

      expect(read).toEqual({ type: 'read', servers: [] });
    },
  );

  it.each([undefined, 'kubernetes.io/basic-auth'])('takes none of type %s', (type) => {
    const read = readPullSecret(secret(type, { '.dockerconfigjson': '{"auths":{"b":{}}}' }));

    expect(read).toEqual({ type: 'wrongType', secretType: type ?? 'Opaque' });
  });
});
