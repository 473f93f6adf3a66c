import { openBuildContext } from '../adapters/build-context/open-build-context.ts';
import { openHttpClients } from '../adapters/http/open-http-client.ts';
import { dockerBuilder } from '../adapters/docker/docker-builder.ts';
import { distributionRegistry } from '../adapters/oci/distribution-registry.ts';
import { layersBuilder } from '../adapters/oci/layers/layers-builder.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { Builders, EngineAddress } from '../ports/builder.ts';
import type { Connection } from './connection.ts';

/** How images are built. */
export interface BuildSettings {
  /** Address of a Docker Engine; missing: $DOCKER_HOST or the local socket. */
  dockerHost?: string;
}

/** The builders of a run, and the registry client that they share. */
export function createBuilders(
  connection: Pick<Connection, 'resolveRegistryHost' | 'sandbox'>,
  settings: BuildSettings,
  environment: NodeJS.ProcessEnv,
) {
  const resolveHost = connection.resolveRegistryHost;
  const http = { clock: systemClock, openHttp: openHttpClients(systemClock, environment), resolveHost };
  const registry = distributionRegistry(http);
  const shared = { ...http, openContext: openBuildContext, registry };
  const host = settings.dockerHost;
  const builders: Builders = {
    docker: (address) => {
      const named = address.type !== 'environment' || host !== undefined;
      const target: EngineAddress =
        address.type === 'environment' && host !== undefined ? { type: 'host', host } : address;
      const builder = dockerBuilder({ ...shared, environment, address: target });
      if (named || !connection.sandbox) return builder;
      // A base image that only the sandbox stands in for is nothing that an engine could pull.
      return { ...builder, unavailable: () => Promise.resolve('the sandbox needs no engine') };
    },
    layers: () => layersBuilder({ ...shared, missingBase: connection.sandbox ? 'empty' : 'fail' }),
  };
  return { builders, registry };
}
