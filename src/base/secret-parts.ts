/** A shorter secret is not masked: it would blot out ordinary output. */
export const shortestMasked = 4;

/** A shorter line of a secret, or string in it, is not masked by itself: `null,` and `true` stand everywhere. */
export const shortestPart = 8;

/** What has to be masked of a secret. */
export interface SecretParts {
  /** The secret itself, and what in it is a secret by itself. */
  parts: Buffer[];
  /** Base64 text that stands in several lines in the secret, as one line: it is found however it is wrapped. */
  wrapped: string[];
  /** A part of it is too short to be masked wherever it stands alone. */
  weak: boolean;
}

/** Names of JSON members whose value is masked however short it is. */
const sensitiveName = /pass|secret|token|auth|credential|private|pwd|^pin$|key$/i;
/** Names of JSON members whose value is no secret. */
const openName = /^(?:username|user|email|registry|server|serveraddress)$/i;
const pemBorder = /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/;
const base64Line = /^[A-Za-z0-9+/]+={0,2}$/;
const longestJson = 1024 * 1024;

/**
 * Takes a secret apart. JSON (also a dockerconfigjson) gives its strings, and the passwords in its `auth` members;
 * other text gives its lines. Parts that are short or ordinary are left out, so that they are not masked everywhere.
 */
export function secretParts(value: Buffer): SecretParts {
  const found = new PartFinder();
  const text = value.toString('utf8');
  const bytes = Math.min(value.length, Buffer.byteLength(text.trim())); // what is no text may be longer as one
  if (value.length > 0 && bytes < shortestMasked) found.weak = true;
  found.add(value);
  found.addText(text, shortestMasked);
  return { parts: [...found.parts.values()], wrapped: [...found.wrapped], weak: found.weak };
}

class PartFinder {
  readonly parts = new Map<string, Buffer>();
  readonly wrapped = new Set<string>();
  weak = false;

  add(bytes: Buffer): void {
    if (bytes.length >= shortestMasked) this.parts.set(bytes.toString('latin1'), bytes);
  }

  /** A text and what is in it, unless it is shorter than `shortest`. */
  addText(text: string, shortest: number): void {
    const trimmed = text.trim();
    if (trimmed.length < shortest) return;
    this.add(Buffer.from(trimmed));
    const data = parseJson(trimmed);
    if (data !== undefined) this.#addJson(data, '');
    else if (/[\r\n]/.test(trimmed)) this.#addLines(trimmed);
    else this.#addLogin(trimmed);
  }

  /** The password of a `user:password`, which servers are sent and say by itself. */
  #addLogin(text: string): void {
    const [, password] = /^[^\s:]+:(?!\/\/)(\S+)$/.exec(text) ?? [];
    if (password === undefined) return;
    if (password.length < shortestPart) this.weak = true;
    else this.add(Buffer.from(password));
  }

  #addLines(text: string): void {
    const unix = text.replaceAll(/\r\n?/g, '\n');
    this.add(Buffer.from(unix));
    this.add(Buffer.from(unix.replaceAll('\n', '\r\n')));
    const lines = unix.split('\n').map((line) => line.trim());
    const content = lines.filter((line) => line !== '' && !pemBorder.test(line));
    for (const line of content) if (line.length >= shortestPart) this.add(Buffer.from(line));
    // The last line of a key is often short; as the end of the whole it is masked.
    if (content.length > 1 && content.every((line) => base64Line.test(line)))
      this.wrapped.add(content.join(''));
    else if (content.some((line) => line.length < shortestPart)) this.weak = true;
  }

  #addJson(data: unknown, name: string): void {
    if (typeof data === 'string') {
      if (openName.test(name)) return;
      const sensitive = sensitiveName.test(name);
      if (sensitive && data !== '' && data.length < shortestMasked) this.weak = true;
      this.addText(data, sensitive ? shortestMasked : shortestPart);
      if (name === 'auth') this.#addBasicLogin(data);
    } else if (Array.isArray(data)) {
      for (const item of data) this.#addJson(item, name);
    } else if (typeof data === 'object' && data !== null) {
      for (const [key, item] of Object.entries(data)) this.#addJson(item, key);
    }
  }

  /** `auth` is the base64 of `user:password`. */
  #addBasicLogin(auth: string): void {
    const login = Buffer.from(auth, 'base64').toString('utf8');
    const colon = login.indexOf(':');
    if (colon < 0) return;
    const password = login.slice(colon + 1);
    if (password !== '' && password.length < shortestMasked) this.weak = true;
    this.addText(password, shortestMasked);
    this.addText(login, shortestPart);
  }
}

/** The objects, arrays and strings of JSON; undefined for anything else, and for what is too large to be read. */
function parseJson(text: string): unknown {
  if (!/^[{["]/.test(text) || text.length > longestJson) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // ordinary text
  }
}
