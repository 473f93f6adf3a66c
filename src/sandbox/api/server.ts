import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import { describeApi } from './describe-api.ts';
import type { Answer, ApiServerOptions } from './request.ts';
import { parseResourcePath, parseUrl, userOf } from './request.ts';
import { handleResource } from './resources.ts';
import { noSuchResource, statusOf } from './status-error.ts';
import { createUpgradeHandler } from './streams/upgrade.ts';

function send(response: ServerResponse, { code, body }: Answer): void {
  const json = JSON.stringify(body);
  response.writeHead(code, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) });
  response.end(json);
}

function sendBytes(response: ServerResponse, code: number, type: string, bytes: Buffer): void {
  response.writeHead(code, { 'Content-Type': type, 'Content-Length': bytes.length });
  response.end(bytes);
}

/** Sends what was thrown as a Status. An answer that has begun can only be cut off. */
function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = statusOf(error);
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined) response.setHeader('Retry-After', String(retry));
  send(response, { code: status.httpCode, body: status.toStatus() });
}

async function respond(
  incoming: IncomingMessage,
  response: ServerResponse,
  options: ApiServerOptions,
): Promise<void> {
  const { pathname, searchParams: query } = parseUrl(incoming);
  const { method = 'GET', headers } = incoming;
  if (/^\/(healthz|livez|readyz)(\/.*)?$/.test(pathname)) {
    const isUp = options.isReady() || !pathname.startsWith('/readyz');
    sendBytes(
      response,
      isUp ? 200 : 503,
      'text/plain; charset=utf-8',
      Buffer.from(isUp ? 'ok' : 'not ready'),
    );
    return;
  }
  const user = userOf(incoming, options.credentials);
  const path = parseResourcePath(options.objects, pathname);
  if (path !== undefined) {
    const request = { ...options, ...path, method, headers, query, user, response };
    const answer = await handleResource(request, incoming);
    if (answer !== undefined) send(response, answer);
    return;
  }
  const kinds = options.objects.catalog.all();
  const described = method === 'GET' ? await describeApi(pathname, kinds, headers.accept) : undefined;
  if (described === undefined || ('body' in described && described.body === undefined))
    throw noSuchResource();
  if ('body' in described) send(response, { code: 200, body: described.body });
  else sendBytes(response, 200, described.type, described.bytes);
}

/** The HTTPS server of the Kubernetes API; it does not listen yet. */
export function createApiServer(options: ApiServerOptions): Server {
  const { credentials } = options;
  const server = createServer(
    {
      key: credentials.serverKey,
      cert: credentials.serverCertificate,
      ca: credentials.caCertificate,
      requestCert: true,
      // Clients with a token have no certificate; userOf decides.
      rejectUnauthorized: false,
      keepAliveTimeout: 120_000,
    },
    (request, response) => {
      respond(request, response, options).catch((error: unknown) => {
        sendError(response, error);
      });
    },
  );
  server.requestTimeout = 0;
  server.on('upgrade', createUpgradeHandler(options));
  return server;
}
