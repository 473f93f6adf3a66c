import { Pattern, PatternError } from '../../base/pattern.ts';
import * as z from '../../base/zod.ts';

const duration = z
  .string()
  .check(z.regex(/^(?:\d+(?:ms|[smhd]))+$/, 'must be a duration like 500ms, 2s or 1m'));

const pattern = z.string().check(
  z.superRefine((source, context) => {
    const message = problemOf(source);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  }),
);

const text = z.union([
  z.described('A part of it', z.string()),
  z.strictObject({ contains: z.string() }),
  z.strictObject({ matches: pattern.check(z.describe('A regular expression in RE2 syntax')) }),
]);

const status = z.union([
  z.int().check(z.minimum(100), z.maximum(599)),
  z.string().check(z.regex(/^[1-5]xx$/, 'must be a status like 200 or a class like 2xx')),
]);

const headerValue = z.union([
  z.string(),
  z.described(
    'From a secret of the file',
    z.strictObject({ secret: z.string(), key: z.optional(z.string()) }),
  ),
]);

const http = z.strictObject({
  url: z.described(
    'http://SERVICE.NAMESPACE/… is reached inside the cluster; other hosts from the runner',
    z.url({ protocol: /^https?$/, error: 'must be a URL like http://web.shop/healthz' }),
  ),
  method: z.optional(z.string().check(z.regex(/^[A-Z]+$/, 'must be uppercase, like GET'))),
  headers: z.optional(z.record(z.string(), headerValue)),
  body: z.optional(z.string()),
  expect: z.optional(
    z.strictObject({
      status: z.described(
        'Default 2xx',
        z.optional(z.union([status, z.array(status).check(z.minLength(1))])),
      ),
      body: z.optional(text),
      headers: z.optional(z.record(z.string(), text)),
      json: z.described(
        'Path to value: "status": "ok", "items[0].id": 7',
        z.optional(z.record(z.string(), z.json())),
      ),
    }),
  ),
  timeout: z.described('Time limit of one attempt; default 10s', z.optional(duration)),
  redirects: z.described(
    'Redirects that are followed; default 5',
    z.optional(z.int().check(z.minimum(0), z.maximum(20))),
  ),
  tls: z.optional(
    z.strictObject({
      insecure: z.described('Accept any certificate', z.optional(z.boolean())),
      ca: z.described('PEM certificates to trust besides those of the system', z.optional(z.string())),
      serverName: z.described('Name to expect in the certificate; default the host', z.optional(z.string())),
    }),
  ),
});

const tcp = z.strictObject({
  host: z.described('SERVICE.NAMESPACE inside the cluster, or any host', z.string().check(z.minLength(1))),
  port: z.int().check(z.minimum(1), z.maximum(65_535)),
  timeout: z.described('Time limit of one attempt; default 10s', z.optional(duration)),
});

const script = z.strictObject({
  run: z.described('Shell script in the agent; exit code 0 passes', z.string().check(z.minLength(1))),
  shell: z.described(
    'Default: what the first line of the script says (#!…), or sh -e',
    z.optional(z.string().check(z.minLength(1))),
  ),
  workingDirectory: z.described('Relative to the checkout', z.optional(z.string().check(z.minLength(1)))),
});

/** What `verify:` holds. */
export const verifySettings = z.described(
  'Check what was released',
  z
    .strictObject({
      http: z.optional(http),
      tcp: z.optional(tcp),
      script: z.optional(script),
      retries: z.described(
        'Attempts after the first; default 0',
        z.optional(z.int().check(z.minimum(0), z.maximum(1000))),
      ),
      interval: z.described('Time between attempts; default 2s', z.optional(duration)),
      onFailure: z.described(
        'rollback: roll back what the stages before it released; default: fail',
        z.optional(z.enum(['fail', 'rollback'])),
      ),
    })
    .check(
      z.refine(
        ({ http: a, tcp: b, script: c }) => [a, b, c].filter((check) => check !== undefined).length === 1,
        'needs exactly one of http, tcp, script',
      ),
    ),
);

/** `verify:` as parsed. */
export type VerifySettings = z.infer<typeof verifySettings>;

/** `verify.http` as parsed. */
export type HttpCheck = NonNullable<VerifySettings['http']>;

/** `verify.http.expect` as parsed. */
export type HttpExpectation = NonNullable<HttpCheck['expect']>;

/** `verify.tcp` as parsed. */
export type TcpCheck = NonNullable<VerifySettings['tcp']>;

/** A text that is expected. */
export type TextExpectation = z.infer<typeof text>;

function problemOf(source: string): string | undefined {
  try {
    new Pattern(source);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}
