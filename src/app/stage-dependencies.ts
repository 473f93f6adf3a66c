import { dockerBuilder } from '../adapters/docker/docker-builder.ts';
import { createSourceRepository } from '../adapters/git/source-repository.ts';
import { distributionRegistry } from '../adapters/oci/distribution-registry.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { Builders } from '../ports/builder.ts';
import type { Connection } from './connection.ts';
import type { StageDependencies } from './stage-kinds.ts';

/** How images are built. */
export interface BuildSettings {
  /** Address of a Docker Engine; missing: $DOCKER_HOST or the local socket. */
  dockerHost?: string;
}

/** What {@link stageDependencies} is made from. */
export interface StageDependencyOptions {
  connection: Connection;
  /** Absolute folder of the pipeline file. */
  directory: string;
  artifacts: ArtifactStore;
  build: BuildSettings;
  environment: NodeJS.ProcessEnv;
}

/** Joins the kinds of stages with the adapters they work through. */
export function stageDependencies(options: StageDependencyOptions): StageDependencies {
  const { connection, directory, artifacts } = options;
  const { cluster, pods } = connection;
  return {
    checkout: { repository: createSourceRepository(), directory },
    run: { artifacts },
    image: { builders: createBuilders(options) },
    deploy: { cluster, pods, clock: systemClock },
    verify: { cluster, pods, clock: systemClock },
  };
}
