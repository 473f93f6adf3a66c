import { describe, expect, it } from '@jest/globals';
import { registryCredentials } from '../../../../src/stages/image/registry-credentials.ts';

const host = 'harbor.example.com';
const secret = (entries: Record<string, string>) =>
  new Map(Object.entries(entries).map(([key, value]) => [key, Buffer.from(value)]));
const config = (auths: Record<string, unknown>) => JSON.stringify({ auths });
const encoded = (login: string) => Buffer.from(login).toString('base64');

describe('registry credentials of a secret', () => {
  it.each([
    [
      'username and password',
      { username: 'robot$shop', password: 'p:w' },
      { username: 'robot$shop', password: 'p:w' },
    ],
    ['values with a line end', { username: 'ci\n', password: 'pw\n' }, { username: 'ci', password: 'pw' }],
    ['one value', { value: 'robot$shop:p:w\n' }, { username: 'robot$shop', password: 'p:w' }],
    [
      'a dockerconfigjson with auth',
      { '.dockerconfigjson': config({ [host]: { auth: encoded('robot$shop:p:w') } }) },
      { username: 'robot$shop', password: 'p:w' },
    ],
    [
      'a dockerconfigjson with username and password, named by URL',
      {
        '.dockerconfigjson': config({
          other: { auth: 'x' },
          [`https://${host}/v2/`]: { username: 'a', password: 'b' },
        }),
      },
      { username: 'a', password: 'b' },
    ],
    [
      'a Docker config as one value',
      { value: config({ [host]: { auth: encoded('a:b') } }) },
      { username: 'a', password: 'b' },
    ],
  ])('are read from %s', (_name, entries, expected) => {
    expect(registryCredentials('harbor', secret(entries as unknown as Record<string, string>), host)).toEqual(
      expected,
    );
  });

  it('finds Docker Hub under its old name', () => {
    const data = secret({
      '.dockerconfigjson': config({ 'https://index.docker.io/v1/': { auth: encoded('a:b') } }),
    });

    expect(registryCredentials('hub', data, 'docker.io')).toEqual({ username: 'a', password: 'b' });
  });

  it.each([
    [{ token: 'S3cret' }, /the secret harbor holds no registry login; its keys are: token/],
    [{ value: 'S3cret' }, /holds no registry login/],
    [{ '.dockerconfigjson': '{"auths": S3cret' }, /cannot be read/],
    [
      { '.dockerconfigjson': config({ other: { auth: encoded('a:S3cret') } }) },
      /has no login for harbor.example.com; it has: other/,
    ],
  ])('refuses %j without telling a value', (entries, message) => {
    const read = () => registryCredentials('harbor', secret(entries), host);

    expect(read).toThrow(message);
    expect(read).not.toThrow(/S3cret/);
  });
});
