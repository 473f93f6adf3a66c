import type { AnyStageKind } from '../ports/stage.ts';
import { checkoutStage, type CheckoutDependencies } from '../stages/checkout/checkout-stage.ts';
import { deployStage } from '../stages/deploy/deploy-stage.ts';
import type { DeployDependencies } from '../stages/deploy/run-deploy.ts';
import { imageStage, type ImageDependencies } from '../stages/image/image-stage.ts';
import { verifyStage, type VerifyDependencies } from '../stages/verify/verify-stage.ts';
import { runStage, type RunDependencies } from '../stages/run/run-stage.ts';

/** What all kinds of stages need together. */
export interface StageDependencies {
  checkout: CheckoutDependencies;
  run: RunDependencies;
  image: ImageDependencies;
  deploy: DeployDependencies;
  verify: VerifyDependencies;
}

/** Every kind of `stageDefinitions`, ready to run. */
export function stageKinds(dependencies: StageDependencies): AnyStageKind[] {
  return [
    checkoutStage(dependencies.checkout),
    runStage(dependencies.run),
    imageStage(dependencies.image),
    deployStage(dependencies.deploy),
    verifyStage(dependencies.verify),
  ];
}
