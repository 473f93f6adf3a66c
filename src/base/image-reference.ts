import { defined } from './defined.ts';
import { InputError } from './errors.ts';

/** An image reference, taken apart as Docker does. */
export interface ImageReference {
  /** Host with port, e.g. `harbor.example.com`, `127.0.0.1:5000`, `docker.io`. */
  host: string;
  /** Name in the registry, e.g. `shop/web`; `library/node` for Docker Hub's own. */
  path: string;
  tag?: string;
  digest?: string;
}

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
// eslint-disable-next-line no-restricted-syntax -- made of constants
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const hostPattern = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d+)?$/i;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;

/**
 * Reads `[host/]path[:tag][@digest]`. The first part is a host when it has a dot or a port or is `localhost`.
 * https://pkg.go.dev/github.com/distribution/reference
 * @throws InputError
 */
export function parseImageReference(text: string): ImageReference {
  const [named = '', digest, ...more] = text.split('@');
  const found = /^(.*?)(?::([^:/]+))?$/.exec(named);
  const name = found?.[1] ?? '';
  const tag = found?.[2];
  const { host, path } = splitHost(name);
  const valid =
    more.length === 0 &&
    hostPattern.test(host) &&
    pathPattern.test(path) &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || digestPattern.test(digest));
  if (!valid) {
    throw new InputError(`"${text}" is not an image reference`, {
      hint: 'write it like harbor.example.com/shop/web:1.2, in lowercase',
    });
  }
  return { host, path, ...defined({ tag, digest }) };
}

function splitHost(name: string): { host: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash).toLowerCase();
  if (/[.:]/.test(first) || first === 'localhost') {
    const host = first === 'index.docker.io' ? 'docker.io' : first;
    return { host, path: hubPath(host, name.slice(slash + 1)) };
  }
  return { host: 'docker.io', path: hubPath('docker.io', name) };
}

function hubPath(host: string, path: string): string {
  return host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
}

/** The name without tag and digest, always with its host. */
export function repositoryName(reference: ImageReference): string {
  return `${reference.host}/${reference.path}`;
}

/** What follows the name in the distribution API: the digest when there is one, else the tag, else `latest`. */
export function versionOf(reference: ImageReference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}
