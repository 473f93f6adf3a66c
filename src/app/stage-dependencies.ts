import { defined } from '../base/defined.ts';
import { userInfo, hostname } from 'node:os';
import { createSourceRepository } from '../adapters/git/source-repository.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { createMeasurements } from '../probes/measure.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { Policy } from '../policy/policy.ts';
import type { BuildSettings } from './builders.ts';
import type { Connection } from './connection.ts';
import { lazyBuilders } from './lazy-builders.ts';
import { guardCluster, hostGuard, objectGuard } from './policy-guards.ts';
import type { StageDependencies } from './stage-kinds.ts';

/** What {@link stageDependencies} is made from. */
export interface StageDependencyOptions {
  connection: Connection;
  /** Absolute folder of the pipeline file. */
  directory: string;
  artifacts: ArtifactStore;
  build: BuildSettings;
  environment: NodeJS.ProcessEnv;
  policies: readonly Policy[];
}

/** Joins the kinds of stages with the adapters they work through. */
export function stageDependencies(options: StageDependencyOptions): StageDependencies {
  const { connection, directory, artifacts, build, environment, policies } = options;
  const { cluster, leases, pods } = connection;
  const builders = lazyBuilders(async () => {
    const { createBuilders } = await import('./builders.ts');
    return createBuilders(connection, build, environment).builders;
  });
  const guarded = guardCluster(cluster, policies);
  const admit = hostGuard(policies);
  const measurements = createMeasurements({ cluster, pods, ...defined({ admit }) });
  const who = whoReleases(environment);
  const release = { cluster: guarded, leases, pods, measurements, clock: systemClock, who };
  return {
    checkout: { repository: createSourceRepository(), directory },
    run: { artifacts },
    image: { builders },
    deploy: {
      ...release,
      ...defined({ chosenCluster: connection.chosen }),
      admit: objectGuard(policies),
    },
    verify: { cluster, pods, ...defined({ admit }), rollBack: release },
  };
}

/** Who releases: the CI system's build where one calls us, else user and machine. */
export function whoReleases(environment: NodeJS.ProcessEnv): string {
  const build = environment['BUILD_URL'] ?? environment['CI_JOB_URL'];
  return build ?? `${userName()}@${hostname()}`;
}

/** A user id without an entry in the machine's list has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${String(process.getuid?.() ?? '?')}`;
  }
}
