/** An image reference in its parts: `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`. */
export interface ImageReference {
  /** `docker.io` when none is written. */
  host: string;
  repository: string;
  tag: string;
  digest: string | undefined;
}

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[a-f0-9]{64}$/;

/** Whether a text is a repository's name (OCI distribution, "Pulling manifests"). */
export function isRepository(text: string): boolean {
  return text.length <= 255 && REPOSITORY.test(text);
}

/** Whether a text is a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Whether a text is a sha256 digest. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Takes an image reference apart, with Docker's defaults; undefined when it is not one. */
export function parseReference(text: string): ImageReference | undefined {
  const [named = '', digest, ...more] = text.split('@');
  const match = /^(.*?)(?::([^:/]*))?$/.exec(named);
  const path = match?.[1] ?? '';
  const tag = match?.[2] ?? 'latest';
  const first = path.split('/')[0] ?? '';
  const hasHost = path.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  const host = hasHost ? first : 'docker.io';
  const rest = hasHost ? path.slice(first.length + 1) : path;
  const repository = host === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest;
  const isValid =
    isRepository(repository) && isTag(tag) && (digest === undefined || isDigest(digest)) && more.length === 0;
  return isValid ? { host, repository, tag, digest } : undefined;
}
