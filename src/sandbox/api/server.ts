import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import { userOf } from './authenticate.ts';
import {
  aggregatedDiscovery,
  aggregatedType,
  apiGroup,
  apiGroupList,
  resourceList,
  reviewKinds,
  wantsAggregated,
} from './discovery.ts';
import type { Exchange } from './exchange.ts';
import { parseUrl, sendError, sendJson } from './exchange.ts';
import { openApiDocument, openApiIndex } from './openapi.ts';
import type { ApiServerOptions } from './options.ts';
import { handleLog } from './log.ts';
import { handleResource } from './resources.ts';
import { answerReview } from './reviews.ts';
import type { ResourcePath } from './route.ts';
import { parseResourcePath } from './route.ts';
import { noSuchResource } from './status-error.ts';
import { createUpgradeHandler } from './streams/upgrade.ts';

/** The Kubernetes version whose behaviour the sandbox follows. */
export const kubernetesVersion = { major: '1', minor: '32', gitVersion: 'v1.32.0+slipway' };

const versionInfo = {
  ...kubernetesVersion,
  gitCommit: '0'.repeat(40),
  gitTreeState: 'clean',
  buildDate: '2024-12-11T00:00:00Z',
  goVersion: 'none',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
};

const healthPaths = /^\/(healthz|livez|readyz)(\/.*)?$/;

function handleHealth(exchange: Pick<Exchange, 'response' | 'url'>, ready: boolean): void {
  const isUp = ready || !exchange.url.pathname.startsWith('/readyz');
  exchange.response.writeHead(isUp ? 200 : 503, { 'Content-Type': 'text/plain; charset=utf-8' });
  exchange.response.end(isUp ? 'ok' : 'not ready');
}

/** The aggregated answer, for a client that wants it; false when this request is for something else. */
function sendAggregatedDiscovery({ url, request, response, objects }: Exchange): boolean {
  const root = /^\/(apis?)$/.exec(url.pathname)?.[1] as 'api' | 'apis' | undefined;
  if (root === undefined || !wantsAggregated(request.headers.accept)) return false;
  response.setHeader('Vary', 'Accept');
  sendJson(response, 200, aggregatedDiscovery(objects.catalog.all(), root), aggregatedType);
  return true;
}

/** Discovery, version and OpenAPI: what is told of the API itself. Undefined when the path is none of them. */
function describeApi({ url, objects }: Exchange): unknown {
  const kinds = objects.catalog.all();
  const [root = '', first, ...rest] = url.pathname.split('/').filter((segment) => segment !== '');
  const second = rest.length > 1 ? '' : rest[0];
  switch (root) {
    case 'version':
      return versionInfo;
    case 'api':
      return first === undefined
        ? { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
        : resourceList(kinds, { group: '', version: first });
    case 'apis': {
      if (first === undefined) return apiGroupList(kinds);
      if (second !== undefined) return resourceList(kinds, { group: first, version: second });
      const found = apiGroup(kinds, first);
      return found && { kind: 'APIGroup', apiVersion: 'v1', ...found };
    }
    case 'openapi': {
      if (first !== 'v3') return undefined;
      const hash = createHash('sha256').update(JSON.stringify(kinds)).digest('hex').slice(0, 32);
      const document = /^\/openapi\/v3\/apis?\/(.+)$/.exec(url.pathname)?.[1];
      return document === undefined ? openApiIndex(kinds, hash) : openApiDocument(kinds, document);
    }
    default:
      return undefined;
  }
}

/** OpenAPI v2 holds no types here: kubectl then works with those that it is built with. */
function sendOpenApiV2(exchange: Exchange): void {
  if (exchange.request.headers.accept?.includes('protobuf') !== true) {
    sendJson(exchange.response, 200, {
      swagger: '2.0',
      info: { title: 'Kubernetes', version: 'v1.32.0' },
      paths: {},
    });
    return;
  }
  // An empty document in protobuf is an empty body.
  exchange.response.writeHead(200, {
    'Content-Type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    'Content-Length': 0,
  });
  exchange.response.end();
}

async function answer(exchange: Exchange, options: ApiServerOptions): Promise<void> {
  const { pathname } = exchange.url;
  const { objects } = options;
  if (pathname === '/openapi/v2') {
    sendOpenApiV2(exchange);
    return;
  }
  const path = parseResourcePath(objects.catalog, pathname);
  if (path !== undefined) {
    await answerResource({ ...exchange, ...path }, options);
    return;
  }
  const isGet = exchange.request.method === 'GET';
  if (isGet && sendAggregatedDiscovery(exchange)) return;
  const described = isGet ? describeApi(exchange) : undefined;
  if (described !== undefined) {
    sendJson(exchange.response, 200, described);
    return;
  }
  const review = reviewKinds.find(
    ({ group, version, plural }) => pathname === `/apis/${group}/${version}/${plural}`,
  );
  if (review === undefined || exchange.request.method !== 'POST') throw noSuchResource();
  await answerReview(exchange, review);
}

async function answerResource(exchange: Exchange & ResourcePath, options: ApiServerOptions): Promise<void> {
  if (exchange.kind.kind === 'Pod' && exchange.subresource === 'log')
    await handleLog(exchange, options.streams());
  else await handleResource(exchange, options.credentials.tokenSecret);
}

/** The HTTPS server of the Kubernetes API; it does not listen yet. */
export function createApiServer(options: ApiServerOptions): Server {
  const { credentials, objects } = options;
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = parseUrl(request);
    if (healthPaths.test(url.pathname)) {
      handleHealth({ response, url }, options.isReady());
      return;
    }
    const user = userOf(request, credentials);
    await answer({ request, response, url, query: url.searchParams, user, objects }, options);
  };
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
      respond(request, response).catch((error: unknown) => {
        sendError(response, error);
      });
    },
  );
  server.requestTimeout = 0;
  server.on('upgrade', createUpgradeHandler(options));
  return server;
}
