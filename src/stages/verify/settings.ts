import * as z from 'zod';

const duration = z.string().regex(/^(?:\d+(?:ms|[smhd]))+$/, 'must be a duration like 500ms, 2s or 1m');

const pattern = z.string().refine(isPattern, 'must be a regular expression of JavaScript');

const text = z.union([
  z.string().describe('A part of it'),
  z.strictObject({ contains: z.string() }),
  z.strictObject({ matches: pattern.describe('A regular expression') }),
]);

const status = z.union([
  z.int().min(100).max(599),
  z.string().regex(/^[1-5]xx$/, 'must be a status like 200 or a class like 2xx'),
]);

const headerValue = z.union([
  z.string(),
  z.strictObject({ secret: z.string(), key: z.string().optional() }).describe('From a secret of the file'),
]);

const http = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .describe('http://SERVICE.NAMESPACE/… is reached inside the cluster; other hosts from the runner'),
  method: z
    .string()
    .regex(/^[A-Z]+$/, 'must be upper-case, like GET')
    .optional(),
  headers: z.record(z.string(), headerValue).optional(),
  body: z.string().optional(),
  expect: z
    .strictObject({
      status: z
        .union([status, z.array(status).min(1)])
        .optional()
        .describe('Default 2xx'),
      body: text.optional(),
      headers: z.record(z.string(), text).optional(),
      json: z
        .record(z.string(), z.json())
        .optional()
        .describe('Path to value: "status": "ok", "items[0].id": 7'),
    })
    .optional(),
  timeout: duration.optional().describe('Of one attempt; default 10s'),
  redirects: z.int().min(0).max(20).optional().describe('Redirects that are followed; default 5'),
  tls: z
    .strictObject({
      insecure: z.boolean().optional().describe('Accept any certificate'),
      ca: z.string().optional().describe('PEM certificates to trust beside the usual ones'),
      serverName: z.string().optional().describe('Name to expect in the certificate; default the host'),
    })
    .optional(),
});

const tcp = z.strictObject({
  host: z.string().min(1).describe('SERVICE.NAMESPACE inside the cluster, or any host'),
  port: z.int().min(1).max(65_535),
  timeout: duration.optional().describe('Of one attempt; default 10s'),
});

const script = z.strictObject({
  run: z.string().min(1).describe('Shell script in the agent; exit code 0 passes'),
  shell: z.string().min(1).optional().describe('Default: sh -e'),
  workingDirectory: z.string().min(1).optional().describe('Relative to the checkout'),
});

/** What `verify:` holds. */
export const verifySettings = z
  .strictObject({
    http: http.optional(),
    tcp: tcp.optional(),
    script: script.optional(),
    retries: z.int().min(0).max(1000).optional().describe('Attempts after the first; default 0'),
    interval: duration.optional().describe('Between attempts; default 2s'),
  })
  .refine(
    ({ http: a, tcp: b, script: c }) => [a, b, c].filter((check) => check !== undefined).length === 1,
    'needs exactly one of http, tcp, script',
  )
  .describe('Check what was released');

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

function isPattern(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}
