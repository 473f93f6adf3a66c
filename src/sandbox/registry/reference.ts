/** An image reference in its parts: `HOST/repositoryPattern:tagPattern` or `HOST/repositoryPattern@digestPattern`. */
export interface ImageReference {
  /** `docker.io` when none is written. */
  host: string;
  repository: string;
  tag: string;
  digest: string | undefined;
}

const componentPattern = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
// eslint-disable-next-line no-restricted-syntax -- made of constants
const repositoryPattern = new RegExp(`^${componentPattern}(?:/${componentPattern})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^sha256:[a-f0-9]{64}$/;

/** Whether a string is a repository's name (OCI distribution, "Pulling manifests"). */
export function isRepository(text: string): boolean {
  return text.length <= 255 && repositoryPattern.test(text);
}

/** Whether a string is a tag. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** Whether a string is a sha256 digest. */
export function isDigest(text: string): boolean {
  return digestPattern.test(text);
}

/** Takes an image reference apart, with Docker's defaults; undefined when it is not one. */
export function parseReference(text: string): ImageReference | undefined {
  const match = /^([^@]*?)(?::([^:/@]*))?(?:@([^@]*))?$/.exec(text);
  if (match === null) return undefined;
  const [, path = '', tag = 'latest', digest] = match;
  const { host, repository } = splitHost(path);
  const isValid = isRepository(repository) && isTag(tag) && (digest === undefined || isDigest(digest));
  return isValid ? { host, repository, tag, digest } : undefined;
}

/** The first part is a host when it looks like one; all else is Docker Hub's. */
function splitHost(path: string): { host: string; repository: string } {
  const end = path.indexOf('/');
  const first = path.slice(0, Math.max(0, end));
  if (/[.:]/.test(first) || first === 'localhost') return { host: first, repository: path.slice(end + 1) };
  return { host: 'docker.io', repository: end === -1 ? `library/${path}` : path };
}
