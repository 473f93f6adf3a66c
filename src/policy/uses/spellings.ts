import { isIPv6 } from 'node:net';
import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import { parseImageReference, repositoryName, type ImageReference } from '../../base/image-reference.ts';

/** The value of a string of the file, its expressions evaluated; undefined when only the run knows it. */
export type Known = (text: string) => string | undefined;

/** What a list of patterns compares with a string of the file; undefined when its value is not known yet. */
export function spellingsOf(
  text: string,
  known: Known,
  spell: (value: string) => readonly string[] = (value) => [value],
): readonly string[] | undefined {
  const value = known(text);
  return value === undefined ? undefined : spell(value);
}

/**
 * An image by its full name: the repository, which a pattern without a tag means, and the whole reference.
 * `node:24` is `docker.io/library/node` and `docker.io/library/node:24`. None for what is no reference.
 */
export function imageSpellings(reference: string): string[] {
  const image = readReference(reference);
  if (image === undefined) return [];
  const repository = repositoryName(image);
  const { tag, digest } = image;
  if (digest === undefined) return [repository, `${repository}:${tag ?? 'latest'}`];
  const tagged = tag === undefined ? [] : [`${repository}:${tag}@${digest}`];
  return [repository, `${repository}@${digest}`, ...tagged];
}

function readReference(text: string): ImageReference | undefined {
  try {
    return parseImageReference(text);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/**
 * The URL of a checkout in the form that patterns are written in: `scheme://host/path`, without a login, without `..`,
 * `git@host:path` as `ssh://host/path`, a path of the runner's machine as `file:///path`. None for what cannot be
 * compared for sure.
 * @param directory absolute; where relative paths start
 */
export function checkoutSpellings(url: string, directory: string): string[] {
  const [, scpHost, scpPath] = /^[\w.-]+@([\w.-]+):(?!\/\/)(.*)$/.exec(url) ?? [];
  // Git decodes what is written as a URL, and this not.
  if (scpHost !== undefined && scpPath !== undefined)
    return scpPath.includes('%')
      ? []
      : checkoutSpellings(`ssh://${scpHost}/${scpPath.replace(/^\/+/, '')}`, directory);
  if (/^\.{0,2}\/|^\.{1,2}$/.test(url)) return [`file://${path.posix.resolve(directory, url)}`];
  if (!URL.canParse(url)) return [];
  const { protocol, host, pathname } = new URL(url);
  // Git, its HTTP library and servers read these in other ways than URL does, and so reach another place than was compared.
  if (/[\s\\?#]|%2f|%5c/i.test(url)) return [];
  const [, authority = ''] = /^[a-z]+:\/\/([^/]*)/i.exec(url) ?? [];
  if (/%|@.*@/.test(authority)) return [];
  if (!['http:', 'https:', 'ssh:', 'file:'].includes(protocol)) return [];
  const plain = decoded(pathname);
  return plain === undefined ? [] : [`${protocol}//${host.toLowerCase()}${plain.replace(/\/+$/, '')}`];
}

/** undefined for what a server may decode once more, and so read in another way. */
function decoded(pathname: string): string | undefined {
  try {
    const plain = decodeURIComponent(pathname);
    return plain.includes('%') || plain.split('/').includes('..') ? undefined : plain;
  } catch {
    return undefined;
  }
}

/**
 * `HOST` and `HOST:PORT`; of an IPv6 address `::1` and `[::1]:PORT`. None for what is neither a name nor an address: a
 * zone (`::1%x.shop`) reads like a name of any domain, and leads to the address.
 */
export function hostSpellings(host: string, port: string | number): string[] {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  if (isIPv6(name) && !name.includes('%')) return [name, `[${name}]:${String(port)}`];
  if (!/^[\w.-]+$/.test(name)) return [];
  return [name, `${name}:${String(port)}`];
}

/** `Deployment` and `apps/Deployment`. */
export function kindSpellings({ apiVersion, kind }: { apiVersion: string; kind: string }): string[] {
  const group = apiVersion.includes('/') ? `${apiVersion.split('/')[0] ?? ''}/` : '';
  return [kind, group + kind];
}
