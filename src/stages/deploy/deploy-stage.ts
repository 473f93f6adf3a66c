import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { PodAccess } from '../../ports/pod-access.ts';
import type { StageKind } from '../../ports/stage.ts';
import { deploySettings, type DeploySettings } from './settings.ts';

/** What the stage works with. */
export interface DeployDependencies {
  cluster: Cluster;
  clock: Clock;
  /** For the last log lines of a container that fails. */
  pods: Pick<PodAccess, 'logs'>;
  /** Who releases, for the record: user and machine, or what the CI system says. */
  who: string;
}

/** A deploy stage as parsed. */
export interface DeployInput {
  deploy: DeploySettings;
}

/** The stage kind `deploy`: releases the manifests of the checkout, and takes a failing release back. */
export function deployStage(dependencies: DeployDependencies): StageKind<DeployInput> {
  return {
    key: 'deploy',
    fields: { deploy: deploySettings },
    scripts: [],
    needsAgent: () => true,
    // Loaded when it is needed: reading a file asks for the settings alone, and is to be quick.
    run: async (input, context) => {
      const { runDeploy } = await import('./run-deploy.ts');
      return runDeploy(input.deploy, dependencies, context);
    },
  };
}
