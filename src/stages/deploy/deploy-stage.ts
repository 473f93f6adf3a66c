import type { StageKind } from '../../ports/stage.ts';
import { deployDefinition } from './definition.ts';
import type { DeployDependencies } from './run-deploy.ts';
import type { DeploySettings } from './settings.ts';

/** A deploy stage as parsed. */
export interface DeployInput {
  deploy: DeploySettings;
}

/** The stage kind `deploy`: releases the manifests of the checkout, and rolls a failing release back. */
export function deployStage(dependencies: DeployDependencies): StageKind<DeployInput> {
  return {
    definition: deployDefinition,
    // Loaded when it is needed: most runs release nothing.
    run: async (input, context) => {
      const { runDeploy } = await import('./run-deploy.ts');
      return runDeploy(input.deploy, dependencies, context);
    },
    undo: async (input, context) => {
      const { undoDeploy } = await import('./run-deploy.ts');
      await undoDeploy(input.deploy, dependencies, context);
    },
  };
}
