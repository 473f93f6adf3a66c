import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { Kind } from '../kinds/kind.ts';
import { apiGroup, apiGroupList, resourceList } from './discovery.ts';
import { openApiDocument, openApiIndex } from './openapi.ts';
import type { Answer, ApiServerOptions } from './request.ts';
import { parseResourcePath, parseUrl, userOf } from './request.ts';
import { handleResource } from './resources.ts';
import { noSuchResource, statusOf } from './status-error.ts';
import { createUpgradeHandler } from './streams/upgrade.ts';

/** The Kubernetes version whose behaviour the sandbox follows. */
const versionInfo = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0+slipway',
  gitCommit: '0'.repeat(40),
  gitTreeState: 'clean',
  buildDate: '2024-12-11T00:00:00Z',
  goVersion: 'none',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
};

/** OpenAPI v2 holds no types here: kubectl then works with those that it is built with. */
const openApiV2 = { swagger: '2.0', info: { title: 'Kubernetes', version: 'v1.32.0' }, paths: {} };

/** Discovery, version and OpenAPI: what is told of the API itself. Undefined when the path is none of them. */
function describeApi(pathname: string, kinds: readonly Kind[]): unknown {
  const [root = '', ...rest] = pathname.split('/').filter((segment) => segment !== '');
  const path = rest.join('/');
  switch (root) {
    case 'version':
      return versionInfo;
    case 'api':
      if (path !== '') return resourceList(kinds, path);
      return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    case 'apis':
      if (path === '') return apiGroupList(kinds);
      return rest.length === 1 ? apiGroup(kinds, path) : resourceList(kinds, path);
    case 'openapi': {
      if (path === 'v2') return openApiV2;
      const hash = createHash('sha256').update(JSON.stringify(kinds)).digest('hex').slice(0, 32);
      if (path === 'v3') return openApiIndex(kinds, hash);
      return openApiDocument(kinds, path.replace(/^v3\/apis?\//, ''));
    }
    default:
      return undefined;
  }
}

function send(response: ServerResponse, { code, body }: Answer): void {
  const json = JSON.stringify(body);
  response.writeHead(code, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) });
  response.end(json);
}

function sendBytes(response: ServerResponse, code: number, contentType: string, text: string): void {
  response.writeHead(code, { 'Content-Type': contentType, 'Content-Length': text.length });
  response.end(text);
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
    sendBytes(response, isUp ? 200 : 503, 'text/plain; charset=utf-8', isUp ? 'ok' : 'not ready');
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
  const body = method === 'GET' ? describeApi(pathname, options.objects.catalog.all()) : undefined;
  if (body === undefined) throw noSuchResource();
  if (body === openApiV2 && headers.accept?.includes('protobuf') === true) {
    // An empty document in protobuf is an empty body.
    sendBytes(response, 200, 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf', '');
  } else send(response, { code: 200, body });
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
