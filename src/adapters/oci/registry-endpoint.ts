import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import type { RegistryEndpoint, ResolveRegistryHost } from '../../ports/registry.ts';

const connectTimeoutMs = 15_000;
/** Longest silence while waiting for an answer; registries hash a whole upload before they answer. */
const silenceTimeoutMs = 300_000;

/**
 * Where a registry answers: what `resolve` says, else plain HTTP for a loopback host (as Docker does), else HTTPS.
 */
export function endpointOf(host: string, resolve: ResolveRegistryHost | undefined): RegistryEndpoint {
  const mapped = resolve?.(host);
  if (mapped !== undefined) return mapped;
  if (host === 'docker.io') return { url: 'https://registry-1.docker.io' };
  return { url: `${isLoopback(host) ? 'http' : 'https'}://${host}` };
}

/** `localhost`, 127.0.0.0/8 or `[::1]`, with or without a port. */
function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/** The connections to an endpoint; HTTPS_PROXY and NO_PROXY are respected, loopback goes through no proxy. */
export function dispatcherOf(endpoint: RegistryEndpoint): Dispatcher {
  const tls = {
    ...(endpoint.ca === undefined ? {} : { ca: endpoint.ca }),
    ...(endpoint.skipTlsVerify === true ? { rejectUnauthorized: false } : {}),
  };
  const options = {
    connect: { timeout: connectTimeoutMs, ...tls },
    headersTimeout: silenceTimeoutMs,
    bodyTimeout: silenceTimeoutMs,
  };
  if (isLoopback(new URL(endpoint.url).host)) return new Agent(options);
  return new EnvHttpProxyAgent({ ...options, requestTls: tls });
}
