import * as z from '../../base/zod.ts';
import { InputError } from '../../base/errors.ts';
import type { RegistryCredentials } from '../../ports/registry.ts';
import type { SecretData } from '../../ports/secrets.ts';

const DockerConfig = z.looseObject({
  auths: z.record(
    z.string(),
    z.looseObject({
      auth: z.optional(z.string()),
      username: z.optional(z.string()),
      password: z.optional(z.string()),
    }),
  ),
});

/**
 * Reads a registry's login out of a secret: keys `username` and `password`; or `.dockerconfigjson` (a Secret of type
 * kubernetes.io/dockerconfigjson); or one value that is either of `user:password` and a Docker config.
 * @param host registry host, to find it in a Docker config
 * @throws InputError that names the secret and its keys, never a value
 */
export function registryCredentials(name: string, data: SecretData, host: string): RegistryCredentials {
  const username = textOf(data, 'username');
  const password = textOf(data, 'password');
  if (username !== undefined && password !== undefined) return { username, password };
  const config = textOf(data, '.dockerconfigjson') ?? textOf(data, 'config.json');
  if (config !== undefined) return fromDockerConfig(name, config, host);
  const value = textOf(data, 'value');
  if (value?.startsWith('{') === true) return fromDockerConfig(name, value, host);
  const login = value === undefined ? undefined : splitLogin(value);
  if (login !== undefined) return login;
  throw new InputError(
    `the secret ${name} holds no registry login; its keys are: ${[...data.keys()].join(', ')}`,
    {
      hint: 'it needs username and password, or .dockerconfigjson, or one value user:password',
    },
  );
}

function textOf(data: SecretData, key: string): string | undefined {
  return data.get(key)?.toString('utf8').trim();
}

function fromDockerConfig(name: string, text: string, host: string): RegistryCredentials {
  const parsed = DockerConfig.safeParse(parseJson(text));
  if (!parsed.success) throw new InputError(`the secret ${name} holds a Docker config that cannot be read`);
  const found = Object.entries(parsed.data.auths).find(([server]) => serverHost(server) === serverHost(host));
  const login = found?.[1];
  if (login?.username !== undefined && login.password !== undefined) {
    return { username: login.username, password: login.password };
  }
  const decoded = splitLogin(Buffer.from(login?.auth ?? '', 'base64').toString('utf8'));
  if (decoded !== undefined) return decoded;
  const servers = Object.keys(parsed.data.auths).join(', ');
  throw new InputError(`the secret ${name} has no login for ${host}; it has: ${servers}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told by the caller, without the text: it holds passwords.
    return undefined;
  }
}

/** `https://index.docker.io/v1/` and `docker.io` are the same registry. */
function serverHost(server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}

function splitLogin(text: string): RegistryCredentials | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
