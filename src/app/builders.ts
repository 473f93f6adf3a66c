import { openBuildContext } from '../adapters/build-context/open-build-context.ts';
import { dockerBuilder } from '../adapters/docker/docker-builder.ts';
import { distributionRegistry } from '../adapters/oci/distribution-registry.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { BuilderUnavailableError, type Builders } from '../ports/builder.ts';
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
  const registry = distributionRegistry({ clock: systemClock, resolveHost });
  const shared = { openContext: openBuildContext, registry, clock: systemClock, resolveHost };
  const host = settings.dockerHost;
  const builders: Builders = {
    docker: (address) =>
      dockerBuilder({
        ...shared,
        environment,
        address: address.type === 'environment' && host !== undefined ? { type: 'host', host } : address,
      }),
    layers: () => {
      throw new BuilderUnavailableError('the layers builder is not part of this version yet');
    },
  };
  return { builders, registry };
}
