import type { Clock } from '../../ports/clock.ts';
import type { OpenHttpClient } from '../../ports/http.ts';
import { httpClient } from './http-client.ts';
import { undiciTransport } from './undici-transport.ts';

/** Opens HTTP clients that speak to the network. */
export function openHttpClients(clock: Clock, environment: NodeJS.ProcessEnv): OpenHttpClient {
  return () => httpClient({ transport: undiciTransport(environment), clock });
}
