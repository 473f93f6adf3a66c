/** What a registry asks for in `WWW-Authenticate`. */
export type Challenge =
  { scheme: 'basic' } | { scheme: 'bearer'; realm: string; service?: string; scope?: string };

/**
 * Reads `WWW-Authenticate`; a bearer challenge is preferred where both are given. undefined when there is none that
 * is known. https://distribution.github.io/distribution/spec/auth/token/
 */
export function parseChallenge(header: string | readonly string[] | undefined): Challenge | undefined {
  const text = typeof header === 'string' ? header : (header ?? []).join(', ');
  const bearer = /(?:^|,\s*)Bearer\s+(.*)$/i.exec(text);
  if (bearer !== null) {
    const values = parameters(bearer[1] ?? '');
    const realm = values.get('realm');
    if (realm !== undefined) {
      const service = values.get('service');
      const scope = values.get('scope');
      return { scheme: 'bearer', realm, ...(service && { service }), ...(scope && { scope }) };
    }
  }
  return /(?:^|,\s*)Basic\b/i.test(text) ? { scheme: 'basic' } : undefined;
}

function parameters(text: string): Map<string, string> {
  const found = text.matchAll(/([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi);
  return new Map(
    [...found].map(([, name, quoted, plain]) => [
      (name ?? '').toLowerCase(),
      quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '',
    ]),
  );
}
