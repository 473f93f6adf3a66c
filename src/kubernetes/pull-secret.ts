import { compileGlob } from '../base/glob.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';

/** What a Secret that `imagePullSecrets` names is good for. Of its data the names of registries alone are kept. */
export type PullSecret =
  | { type: 'missing' }
  /** The manifests bring it, in a form that does not show what is in it (a SealedSecret, an ExternalSecret). */
  | { type: 'brought' }
  /** It could not be read; why. */
  | { type: 'hidden'; reason: string }
  | { type: 'wrongType'; secretType: string }
  /** `servers` are the keys of its `auths`, as written. */
  | { type: 'read'; servers: readonly string[] };

/** Types of pull secrets that the kubelet reads, and their key. */
const configKeys: Partial<Record<string, string>> = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
};

/** Reads which registries a Secret has logins for, as the kubelet does: by its type. */
export function readPullSecret(secret: KubernetesObject): PullSecret {
  const { type, data, stringData } = secret as { type?: string; data?: unknown; stringData?: unknown };
  const secretType = type ?? 'Opaque';
  const key = configKeys[secretType];
  if (key === undefined) return { type: 'wrongType', secretType };
  const config = parseJson(textAt(stringData, key) ?? decoded(textAt(data, key)));
  const auths = key === '.dockercfg' ? config : fieldsOf(config)['auths'];
  const servers = Object.entries(fieldsOf(auths)).flatMap(([server, login]) =>
    hasLogin(login) ? [server] : [],
  );
  return { type: 'read', servers };
}

/**
 * Whether a login for a server is used for a repository, as the kubelet decides it: by host and port, with `*` in parts
 * of the host, and by the beginning of the path. https://kubernetes.io/docs/concepts/containers/images/#config-json
 * @param server as in a Docker config: `harbor.example.com`, `https://index.docker.io/v1/`, `*.example.com/shop`
 * @param repository with its host: `harbor.example.com/shop/web`
 */
export function isLoginFor(server: string, repository: string): boolean {
  const login = takeApart(server.replace(/^https?:\/\//, '').replace(/\/v[12]\/?$/, ''));
  const wanted = takeApart(repository);
  return hostMatches(login.host, wanted.host) && wanted.path.startsWith(login.path);
}

/** A login that a credential helper of another machine keeps is none for a kubelet. */
function hasLogin(login: unknown): boolean {
  return ['auth', 'username', 'identitytoken'].some((key) => (textAt(login, key) ?? '') !== '');
}

function takeApart(text: string): { host: string; path: string } {
  const slash = text.indexOf('/');
  const host = (slash === -1 ? text : text.slice(0, slash)).toLowerCase();
  const path = slash === -1 ? '' : text.slice(slash + 1).replace(/\/$/, '');
  return { host: host === 'index.docker.io' ? 'docker.io' : host, path };
}

function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.includes('*')) return pattern === host;
  const parts = pattern.split('.');
  const names = host.split('.');
  try {
    return (
      parts.length === names.length && parts.every((part, index) => compileGlob(part)(names[index] ?? ''))
    );
  } catch {
    return false; // no pattern, and no host
  }
}

function textAt(value: unknown, key: string): string | undefined {
  const found = fieldsOf(value)[key];
  return typeof found === 'string' ? found : undefined;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function decoded(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined; // It has no logins then; the text is a secret, and is not told.
  }
}
