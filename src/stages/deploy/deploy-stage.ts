import type { StageKind } from '../../ports/stage.ts';
import type { DeployDependencies } from './run-deploy.ts';
import { deploySettings, type DeploySettings } from './settings.ts';

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
