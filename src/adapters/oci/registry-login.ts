import * as z from '../../base/zod.ts';
import type { HttpClient, HttpTrust } from '../../ports/http.ts';
import { RegistryError, type RegistryCredentials } from '../../ports/registry.ts';
import type { Challenge } from './challenge.ts';
import { answerError, type Attempted } from './registry-errors.ts';

const Token = z.looseObject({ token: z.optional(z.string()), access_token: z.optional(z.string()) });

/** What is asked of a token server. */
export interface LoginRequest {
  challenge: Challenge;
  credentials: RegistryCredentials | undefined;
  /** Scopes wanted, e.g. `repository:shop/web:pull,push`; used besides the one that the challenge names. */
  scopes: readonly string[];
  /** Of the registry: a token server without TLS gets no password from a registry with it. */
  protocol: string;
  http: HttpClient;
  trust: HttpTrust;
  attempted: Attempted;
}

/**
 * Answers a challenge: basic authorization, or a bearer token from the registry's token server.
 * https://distribution.github.io/distribution/spec/auth/token/
 * @returns the Authorization header; undefined when the registry wants credentials and there are none
 * @throws RegistryError when the token server refuses
 */
export async function authorizationFor(
  login: LoginRequest,
  { signal }: { signal: AbortSignal },
): Promise<string | undefined> {
  const { challenge, credentials, http, trust } = login;
  const basic = credentials && basicAuthorization(credentials);
  if (challenge.scheme === 'basic') return basic;
  const attempted = { action: 'log in for', target: login.attempted.target };
  const asked = {
    method: 'GET',
    url: tokenUrl(challenge, login, attempted).href,
    ...(basic && { credentials: { authorization: basic } }),
    trust,
    attempts: 1, // the caller tries again
  } as const;
  const response = await http.send(asked, { signal });
  const text = await response.text();
  if (response.status !== 200) throw answerError(attempted, response.status, text);
  const { token, access_token: accessToken } = Token.parse(JSON.parse(text));
  const bearer = token ?? accessToken;
  return bearer === undefined ? undefined : `Bearer ${bearer}`;
}

function basicAuthorization({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function tokenUrl(
  challenge: Extract<Challenge, { scheme: 'bearer' }>,
  login: LoginRequest,
  attempted: Attempted,
): URL {
  const url = URL.parse(challenge.realm);
  const weaker = url?.protocol === 'http:' && login.protocol === 'https:';
  if (url === null || weaker) {
    throw new RegistryError(
      'invalid',
      `cannot ${attempted.action} ${attempted.target}: its token server is ${challenge.realm}`,
    );
  }
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
  const scopes = new Set([...(challenge.scope?.split(' ') ?? []), ...login.scopes]);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  return url;
}
