import { defined } from '../../base/defined.ts';
import type { HttpTrust } from '../../ports/http.ts';
import type { RegistryEndpoint, ResolveRegistryHost } from '../../ports/registry.ts';

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

/** Whom to believe that it is the endpoint. */
export function trustOf({ ca, skipTlsVerify }: RegistryEndpoint): HttpTrust {
  return { ...defined({ ca, skipTlsVerify }) };
}
