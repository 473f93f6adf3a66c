import type { DeploySettings } from './settings.ts';

/** What a release is called and where it is made: as the stage says, or else as its run is called and where it works. */
export function releaseTarget(
  settings: Pick<DeploySettings, 'application' | 'namespace'>,
  run: { pipeline: string; namespace: string },
): { application: string; namespace: string } {
  return {
    application: settings.application ?? run.pipeline,
    namespace: settings.namespace ?? run.namespace,
  };
}
