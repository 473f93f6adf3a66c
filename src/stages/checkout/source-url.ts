import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../base/errors.ts';

/** Where a checkout comes from. */
export type CheckoutSource =
  /** The agent's git fetches it. */
  | { type: 'remote'; transport: 'http' | 'ssh'; url: string }
  /** The runner packs it and sends it to the agent. */
  | { type: 'local'; directory: string };

/**
 * Reads `checkout.url`. Only transports that run no program of the caller's choice are let through: `ext::` and every
 * other remote helper is refused, as is anything that git could read as an option.
 * @param base absolute folder that a relative path starts from
 * @throws InputError
 */
export function parseSourceUrl(url: string | undefined, base: string): CheckoutSource {
  if (url === undefined) return { type: 'local', directory: base };
  if (url.startsWith('-') || /[\0\n\r]/.test(url)) throw refused(url, 'it could be read as an option');
  if (/^https?:\/\//.test(url)) {
    if (new URL(url).password !== '')
      throw refused(url.replace(/\/\/[^@]*@/, '//***@'), 'it holds a password; use `credentials`');
    return { type: 'remote', transport: 'http', url };
  }
  if (url.startsWith('ssh://')) {
    if (new URL(url).hostname.startsWith('-')) throw refused(url, 'its host could be read as an option');
    return { type: 'remote', transport: 'ssh', url };
  }
  if (url.startsWith('file://')) return { type: 'local', directory: fileURLToPath(url) };
  if (/^\w+::/.test(url) || /^[\w+.-]+:\/\//.test(url))
    throw refused(url, 'allowed are https, http, ssh and file');
  if (/^[\w.-]+@[\w.][\w.-]*:/.test(url)) return { type: 'remote', transport: 'ssh', url };
  if (/^(\.{0,2}\/|\.{1,2}$)/.test(url)) return { type: 'local', directory: path.resolve(base, url) };
  throw refused(url, 'write https://HOST/PATH, ssh://HOST/PATH, git@HOST:PATH, file:///PATH or ./PATH');
}

function refused(url: string, why: string): InputError {
  return new InputError(`checkout.url "${url}" is not accepted: ${why}`);
}

/** @throws InputError for a ref that git could read as an option or that is not one by git-check-ref-format */
export function checkRef(ref: string): void {
  // eslint-disable-next-line no-control-regex -- control characters are what must not be there
  if (ref.startsWith('-') || /[\u0000-\u0020~^:?*[\\\u007f]|\.\.|@\{|\/\/|\.lock$|\/$/.test(ref)) {
    throw new InputError(`checkout.ref "${ref}" is not a Git ref`, {
      hint: 'name a branch, a tag, a commit or refs/…',
    });
  }
}
